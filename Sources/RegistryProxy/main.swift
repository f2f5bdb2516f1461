import Glibc
import ProxyConfig

exit(run(CommandLine.arguments.dropFirst().map { $0 }))

/// Does what the command line asks for.
/// - Returns: the exit code.
func run(_ words: [String]) -> Int32 {
    do throws(UsageError) {
        switch try Command(parsing: words) {
        case .serve(let path): return serve(path)
        case .check(let options):
            return runCheck(
                options,
                validators: [Assembly.problems],
                advisors: [Assembly.warnings]
            )
        case .user(let options): return runUser(options)
        case .version: return runVersion()
        case .help(let topic): return printHelp(topic)
        }
    } catch {
        return printUsageError(error)
    }
}

func serve(_ path: String) -> Int32 {
    let report = ConfigurationReader.read(file: path)
    guard let configuration = report.configuration else { return reportErrors(report.errors) }
    do throws(Assembly.Problems) {
        return Serve.run(configuration, try Assembly(configuration)).rawValue
    } catch {
        return reportErrors(error.all)
    }
}
