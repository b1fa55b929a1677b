using Tosec.Transport.Shm.Interop;

namespace Tosec.Actors.Workers;

/// <content>The thread, from its first pass to its last.</content>
public sealed partial class WorkerLoop
{
    // A pass runs and takes over no more than this, so that descriptors and lanes have their turn under any load.
    private const int RunsPerPass = 256;

    // While there is work, or while spinning, descriptors are looked at once in so many passes: looking is a system call.
    private const int PassesPerLook = 8;

    private void Run()
    {
        _current = this;
        ThreadId = ThreadControl.CurrentThreadId;
        Pin();
        try
        {
            Loop();
        }
        catch (Exception failure)
        {
            // Only the loop's own machinery can bring this about; without it nobody here can be served any more.
            Report(this, failure);
        }
        finally
        {
            Volatile.Write(ref _ended, true);
            var left = _runs.Count;
            while (_posted.TryDequeue(out _))
                left++;
            Interlocked.Add(ref _dropped, left);
            Close();
            _current = null;
        }
    }

    private void Loop()
    {
        var idlePasses = 0;
        var unlooked = 0;
        while (!Volatile.Read(ref _stopping))
        {
            _passes++;
            var found = TakePosted() | PollAll() | RunQueued();
            TickIfDue();
            Compact();

            if (found)
                idlePasses = 0;
            else if (idlePasses++ >= Settings.Spins)
            {
                Block();
                idlePasses = 0;
                unlooked = 0;
                continue;
            }

            if (++unlooked >= PassesPerLook)
            {
                unlooked = 0;
                if (Look(0))
                    idlePasses = 0;
            }
        }
    }

    private bool TakePosted()
    {
        var taken = 0;
        while (taken < RunsPerPass && _posted.TryDequeue(out var work))
        {
            _runs.Enqueue(work);
            taken++;
        }

        return taken > 0;
    }

    private bool RunQueued()
    {
        // Only what is there now: a mailbox that queues itself again waits for the next pass.
        var left = Math.Min(_runs.Count, RunsPerPass);
        var found = left > 0;
        while (left-- > 0 && _runs.TryDequeue(out var work))
        {
            _ran++;
            try
            {
                work.Run();
            }
            catch (Exception failure)
            {
                Report(work, failure);
            }
        }

        return found;
    }

    private void Pin()
    {
        if (Settings.Cpu < 0)
            return;
        try
        {
            ThreadControl.PinCurrentThread(Settings.Cpu);
            PinnedCpu = Settings.Cpu;
        }
        catch (Exception failure)
        {
            Report(this, failure);
        }
    }

    private void Report(object culprit, Exception failure)
    {
        _failures++;
        try
        {
            _onFailure(this, culprit, failure);
        }
        catch (Exception)
        {
            // The one place that was to be told has failed itself; the count is what remains, and the worker goes on.
            _failures++;
        }
    }
}
