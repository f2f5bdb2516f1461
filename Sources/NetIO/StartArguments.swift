import CLinux

/// What this process was started with. `CommandLine` reads that from /proc, which a small root
/// directory need not have. An unsafe room.
public enum StartArguments {
    /// The program's name first. Bytes that are no UTF-8 come as U+FFFD.
    public static let all: [String] = {
        var words: [String] = []
        // SAFETY: the list is the C library's, ends with a null pointer and stays as it is.
        guard var place = unsafe start_arguments() else { return [] }
        while let word = unsafe place.pointee {
            words.append(unsafe String(cString: word))
            unsafe place += 1
        }
        return words
    }()
}
