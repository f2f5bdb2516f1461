/// Memory that the process holds and does not need now.
public enum FreeMemory {
    /// Gives it back to the system: what was freed and the C library keeps for later
    /// (malloc_trim(3)), and pages of code (madvise(2)), of which the start and a reload need many
    /// that no request does. For moments after such work: it holds up whoever allocates meanwhile,
    /// for a few milliseconds.
    public static func giveBack() { SystemCalls.giveFreeMemoryBack() }
}
