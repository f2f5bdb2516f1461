/// Memory that the process has freed, and the C library keeps for later.
public enum FreeMemory {
    /// Gives it back to the system (malloc_trim(3)). For moments when much was freed at once: it
    /// holds up whoever allocates meanwhile, for a few milliseconds.
    public static func giveBack() { SystemCalls.giveFreeMemoryBack() }

    /// From now on blocks of 128 KiB or more go back at once when they are freed. The C library
    /// begins so, but raises the size with the first such block that is freed. For the start of a
    /// process that lives long.
    public static func keepNoLargeBlocks() { SystemCalls.mapBlocks(from: 128 * 1024) }
}
