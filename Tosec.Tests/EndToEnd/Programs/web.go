// A web server and a client of it, by Go's own library, which makes system calls without the C library.
// usage: web serve ADDRESS... | web get URL CONNECTIONS
package main

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"io"
	"net/http"
	"os"
	"strconv"
	"sync"
)

func main() {
	if os.Args[1] == "serve" {
		http.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) { fmt.Fprintln(w, "go from", r.RemoteAddr) })
		http.HandleFunc("/sum", func(w http.ResponseWriter, r *http.Request) {
			body, err := io.ReadAll(r.Body)
			if err != nil {
				http.Error(w, err.Error(), 500)
				return
			}
			fmt.Fprintf(w, "%x", sha256.Sum256(body))
		})
		http.HandleFunc("/large", func(w http.ResponseWriter, r *http.Request) { w.Write(bytes.Repeat([]byte("0123456789abcdef"), 1<<17)) })
		ended := make(chan error)
		for _, address := range os.Args[2:] {
			go func(address string) { ended <- http.ListenAndServe(address, nil) }(address)
		}
		fmt.Fprintln(os.Stderr, <-ended)
		os.Exit(1)
	}
	connections, _ := strconv.Atoi(os.Args[3])
	var all sync.WaitGroup
	failed := make(chan error, connections)
	for i := 0; i < connections; i++ {
		all.Add(1)
		go func(i int) {
			defer all.Done()
			body := bytes.Repeat([]byte{byte('a' + i%26)}, 100000+i)
			response, err := http.Post(os.Args[2]+"/sum", "text/plain", bytes.NewReader(body))
			if err != nil {
				failed <- err
				return
			}
			sum, err := io.ReadAll(response.Body)
			response.Body.Close()
			if want := fmt.Sprintf("%x", sha256.Sum256(body)); err != nil || string(sum) != want {
				failed <- fmt.Errorf("%v: %s, not %s", err, sum, want)
			}
			response, err = http.Get(os.Args[2] + "/large")
			if err != nil {
				failed <- err
				return
			}
			n, err := io.Copy(io.Discard, response.Body)
			response.Body.Close()
			if err != nil || n != 1<<21 {
				failed <- fmt.Errorf("%v: %d bytes", err, n)
			}
		}(i)
	}
	all.Wait()
	close(failed)
	for err := range failed {
		fmt.Println(err)
		defer os.Exit(1)
	}
	fmt.Println("done", connections)
}
