/// How many descriptors this process may have open: RLIMIT_NOFILE, getrlimit(2).
public enum DescriptorLimit {
    /// Takes as many as the system grants without asking: the soft limit becomes the hard one. The
    /// usual soft limit of 1,024 is for programs that use select(2), which this one does not.
    /// - Returns: the limit from now on.
    @discardableResult
    public static func raise() -> Int {
        SystemCalls.raiseDescriptorLimit()
    }
}
