import Authentication
import Bytes
import DirectoryLDAP
import Logbook
import NetTLS
import ProxyConfig
import Secrets

// The directory, from what the operator wrote to what can be asked.

extension DirectorySettings {
    /// - Parameters:
    ///   - trust: for the servers' certificates; `nil` where no TLS is used.
    ///   - password: of the service account; `nil` where there is none.
    init(
        _ directory: Configuration.Directory,
        trust: (context: TLSClientContext, digest: ByteString)?,
        password: SecretBytes?
    ) {
        self.init(
            servers: directory.servers.map { Server($0, startTLS: directory.startTLS) },
            users: Users(directory.users)
        )
        self.trust = trust?.context
        trustDigest = trust?.digest ?? ""
        if let dn = directory.bindDN, let password {
            service = ServiceAccount(dn: ByteString(dn), password: password)
        }
        groups = Groups(directory.groups)
        connectTimeout = directory.timeouts.connect.nanoseconds
        operationTimeout = directory.timeouts.operation.nanoseconds
    }
}

extension DirectorySettings.Server {
    fileprivate init(_ address: WebAddress, startTLS: Bool) {
        let (host, isAddress) =
            switch address.host {
            case .ip(let address): (address.description, true)
            case .name(let name): (name, false)
            }
        self.init(
            host: host,
            isAddress: isAddress,
            port: address.port,
            security: address.scheme == .ldaps ? .tls : startTLS ? .startTLS : .none,
            url: address.description
        )
    }
}

extension DirectorySettings.Users {
    fileprivate init(_ users: Configuration.DirectoryUsers) {
        let search = Search(base: users.base ?? "", filter: users.filter)
        let login: Login =
            switch users.dn {
            case nil: .found(by: search)
            case let name? where users.isLoginName: .name(name, search)
            case let dn?: .dn(dn)
            }
        self.init(login: login, attribute: users.attribute)
    }
}

extension DirectorySettings.Groups {
    fileprivate init(_ groups: Configuration.DirectoryGroups) {
        self.init()
        strategy =
            switch groups.strategy {
            case .memberOf: .memberOf
            case .search: .search
            case .none: .none
            }
        nested =
            switch groups.nested {
            case .off: .off
            case .chain: .chain
            case .walk: .walk
            }
        base = groups.base ?? ""
        filter = groups.filter
        name = groups.name
        limit = groups.limit
    }
}

extension OperatorLog {
    /// Tells the operator what happens to logins.
    func log(_ event: LoginEvent) {
        switch event {
        case .besieged(let user):
            let message = "a user's password is being guessed at"
            log(.warning, "auth.besieged", message, [("user_claimed", .bytes(user))])
        }
    }

    /// Tells the operator what happens to a directory.
    func log(_ event: DirectoryEvent) {
        switch event {
        case .down(let server, let reason):
            let message = "a directory server does not answer"
            log(
                .error, "ldap.down", message,
                [("server", .string(server)), ("reason", .string(reason))])
        case .up(let server):
            log(.info, "ldap.up", "a directory server answers again", [("server", .string(server))])
        case .serviceRefused(let server, let reason):
            let message = "the directory refuses the service account: nobody can log in"
            log(
                .error, "ldap.service_refused", message,
                [("server", .string(server)), ("reason", .string(reason))])
        case .undecided(let user, let reason):
            let message = "a login could not be decided"
            log(
                .warning, "ldap.undecided", message,
                [("user_claimed", .bytes(user)), ("reason", .string(reason))])
        case .refused(let user, let reason):
            let message = "the directory refused a login"
            log(
                .debug, "ldap.refused", message,
                [("user_claimed", .bytes(user)), ("reason", .string(reason))])
        }
    }
}
