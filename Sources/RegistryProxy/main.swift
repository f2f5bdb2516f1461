import Glibc
import NetIO
import ProxyConfig

exit(run(Array(StartArguments.all.dropFirst())))

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
                advisors: [Assembly.warnings],
                probe: { configuration in
                    var report = probe(configuration)
                    report.errors += Assembly.directoryProblems(of: configuration)
                    return report
                }
            )
        case .user(let options): return runUser(options)
        case .explain(let options):
            return explain(options, isColoured: mayColour(STDOUT_FILENO)).emit()
        case .accessDiff(let options): return accessDiff(options).emit()
        case .accessImport(let options): return accessImport(options).emit()
        case .audit(let options): return runAudit(options)
        case .directoryCheck(let options): return runDirectoryCheck(options)
        case .token(let options): return runToken(options)
        case .version: return runVersion()
        case .help(let topic): return printHelp(topic)
        }
    } catch {
        return printUsageError(error)
    }
}

/// - Returns: only if it could not be started, the exit code.
func serve(_ path: String) -> Int32 {
    FreeMemory.keepNoLargeBlocks()
    var files = ConfigurationFiles(path)
    let candidate: ConfigurationFiles.Candidate
    do throws(Assembly.Problems) {
        candidate = try files.readAllMakingKeys()
    } catch {
        return reportErrors(error.all)
    }
    quit(Serve.run(candidate, files))
}

/// Ends the process and nothing else; the caller has written all. exit(3) would have libraries
/// clean up (OpenSSL frees its tables) while threads that are just ending still use them.
func quit(_ code: ExitCode) -> Never { _exit(code.rawValue) }
