// Ends the programs that tests have started when the tests themselves end, however they do.

import Glibc
import NetIO

/// A shell that knows which programs run, and kills them when the test process is gone.
///
/// A pipe tells: its writing end is the test process's alone, and closes with it, also after a
/// crash or SIGKILL. (PR_SET_PDEATHSIG would not do: it is about the thread that started a child.)
enum Reaper {
    /// The writing end; -1 if there is no reaper.
    private static let pipe = Locked(start())

    private static let script = """
        trap '' INT TERM HUP
        all=' '
        while read -r change pid; do
            case $change in
            +) all="$all$pid " ;;
            -) all="${all%% "$pid" *} ${all#* "$pid" }" ;;
            esac
        done
        kill -9 $all 2>/dev/null
        """

    static func began(_ pid: pid_t) { tell("+ \(pid)\n") }
    static func ended(_ pid: pid_t) { tell("- \(pid)\n") }

    private static func tell(_ line: String) {
        pipe.withLock { pipe in
            if pipe >= 0 { Spawn.write(Array(line.utf8), to: pipe) }
        }
    }

    private static func start() -> Int32 {
        guard let ends = try? Spawn.pipe() else { return -1 }
        defer { _ = close(ends.read) }
        let nothing = unsafe open("/dev/null", O_RDWR | O_CLOEXEC)
        defer { _ = close(nothing) }
        let standard = [ends.read, nothing, nothing]
        let pid = try? Spawn.start(["sh", "-c", script], [:], in: nil, standard: standard)
        return pid == nil ? -1 : ends.write
    }
}
