import Bytes

/// The standard `process_*` metrics (prometheus.io/docs/instrumenting/writing_clientlibs), from
/// /proc. What cannot be read is left out.
struct ProcessFigures {
    func append(to text: inout PrometheusText) {
        text.single(
            "process_cpu_seconds_total",
            .counter,
            "Total user and system CPU time spent in seconds.",
            PrometheusText.decimal(Int(Clock.processorTime / 1000), per: 1_000_000)
        )
        text.single(
            "process_open_fds",
            .gauge,
            "Number of open file descriptors.",
            entryCount(ofDirectory: "/proc/self/fd").map { $0 - 1 }
        )
        text.single(
            "process_max_fds",
            .gauge,
            "Maximum number of open file descriptors.",
            openFileLimit
        )
        let pages = Self.numbers(contents(ofProcFile: "/proc/self/statm"))
        if pages.count > 1 {
            text.single(
                "process_virtual_memory_bytes",
                .gauge,
                "Virtual memory size in bytes.",
                pages[0] * pageByteCount
            )
            text.single(
                "process_resident_memory_bytes",
                .gauge,
                "Resident memory size in bytes.",
                pages[1] * pageByteCount
            )
        }
        text.single(
            "process_start_time_seconds",
            .gauge,
            "Start time of the process since unix epoch in seconds.",
            startTime
        )
    }

    /// The soft limit; `nil` if there is none (proc_pid_limits(5)).
    private var openFileLimit: Int? {
        Self.line(beginningWith: "Max open files", of: contents(ofProcFile: "/proc/self/limits"))
            .flatMap { Self.numbers($0).first }
    }

    /// Boot time plus field 22 of proc_pid_stat(5), which counts from there in clock ticks.
    private var startTime: Int? {
        let stat = contents(ofProcFile: "/proc/self/stat")
        // The name in parentheses may hold anything; the fields after it, from the third on, do
        // not.
        guard let parenthesis = stat.lastIndex(of: 0x29) else { return nil }
        let fields = stat[(parenthesis + 1)...].split(separator: 0x20)
        let boot = Self.line(beginningWith: "btime ", of: contents(ofProcFile: "/proc/stat"))
        guard fields.count > 19, let ticks = Array(fields[19]).span.decimalValue,
            let bootTime = boot.flatMap({ Self.numbers($0).first })
        else { return nil }
        return bootTime + ticks / ticksPerSecond
    }

    /// The words that are decimal numbers.
    private static func numbers(_ text: [UInt8]) -> [Int] {
        text.split { $0 <= 0x20 }.compactMap { Array($0).span.decimalValue }
    }

    private static func line(beginningWith start: String, of text: [UInt8]) -> [UInt8]? {
        text.split(separator: 0x0A).first { $0.starts(with: start.utf8) }.map { Array($0) }
    }
}
