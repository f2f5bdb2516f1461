/// Lets the others on the loop have their turn now and then, where something is always ready:
/// both sides of a transfer, or clients that connect faster than they are taken.
struct Turns {
    private var count = 0
    /// The loop runs what is ready a few times before it looks at its events.
    private static let limit = 5

    mutating func take() async {
        count += 1
        guard count == Self.limit else { return }
        count = 0
        await Task.yield()
    }
}
