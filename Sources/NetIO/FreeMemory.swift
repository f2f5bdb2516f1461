/// Memory that the process has freed, and the C library keeps for later.
public enum FreeMemory {
    /// Gives it back to the system (malloc_trim(3)). For moments when much was freed at once: it
    /// holds up whoever allocates meanwhile, for a few milliseconds.
    public static func giveBack() { SystemCalls.giveFreeMemoryBack() }
}
