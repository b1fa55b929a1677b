using Tosec.Transport.Shm.Interop;

namespace Tosec.Tests.Transport.Shm.Interop;

public class ThreadControlSpecs
{
    [Fact]
    public void A_pinned_thread_may_run_on_that_cpu_only()
    {
        var allowed = ThreadControl.AllowedCpus();
        var last = allowed[^1];

        Assert.Equal([last], OnOwnThread(() =>
        {
            ThreadControl.PinCurrentThread(last);
            return ThreadControl.AllowedCpus();
        }));
        Assert.Equal(allowed, ThreadControl.AllowedCpus());
    }

    [Fact]
    public void A_cpu_that_the_machine_does_not_have_is_refused()
    {
        var failure = OnOwnThread(() =>
            Assert.Throws<NativeFailure>(() => ThreadControl.PinCurrentThread(ThreadControl.MaxCpus - 1)));

        Assert.Equal("EINVAL", failure.ErrnoName);
        Assert.Throws<ArgumentOutOfRangeException>(() => ThreadControl.PinCurrentThread(ThreadControl.MaxCpus));
        Assert.Throws<ArgumentOutOfRangeException>(() => ThreadControl.PinCurrentThread(-1));
    }

    [Fact]
    public void Every_thread_has_its_own_number()
    {
        Assert.NotEqual(ThreadControl.CurrentThreadId, OnOwnThread(() => ThreadControl.CurrentThreadId));
    }

    // A thread of its own, so that a pinned one never goes back to the pool.
    private static T OnOwnThread<T>(Func<T> work)
    {
        T result = default!;
        Exception? failed = null;
        var thread = new Thread(() =>
        {
            try
            {
                result = work();
            }
            catch (Exception e)
            {
                failed = e;
            }
        });
        thread.Start();
        thread.Join();
        return failed is null ? result : throw failed;
    }
}
