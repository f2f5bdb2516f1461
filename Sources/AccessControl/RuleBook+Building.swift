import Bytes

extension RuleBook {
    init(groups written: [ByteString: [ByteString]], rules source: [AccessRule]) {
        for rule in source { append(rule) }
        groupNames = Set(written.keys)
        var groupsOfUser: [ByteString: [Int]] = [:]
        for (name, members) in written.sorted(by: { $0.key < $1.key }) {
            let satisfying = groupSubjects.indices.filter {
                groupSubjects[$0].matchesGroup(name.span)
            }
            let start = satisfied.count
            satisfied += satisfying
            for member in Set(members) { groupsOfUser[member, default: []].append(groups.count) }
            groups.append(Group(name: name, satisfied: start..<satisfied.count))
        }
        for (name, groups) in groupsOfUser {
            let start = memberships.count
            memberships += groups
            let number = number(ofUser: name)
            users[name] = User(number: number, memberships: start..<memberships.count)
        }
    }

    private mutating func append(_ rule: AccessRule) {
        let who = append(rule.who)
        let except = append(rule.except)
        let start = patterns.count
        for pattern in rule.repositories {
            patterns.append(code.append(pattern.code, pattern.compiled))
        }
        let (isDeny, actions) =
            switch rule.effect {
            case .allow(let actions): (false, actions.withImpliedPull)
            case .deny(let actions): (true, actions)
            }
        rules.append(
            Rule(
                isDeny: isDeny,
                actions: actions,
                who: who,
                except: except,
                patterns: start..<patterns.count
            )
        )
    }

    private mutating func append(_ subjects: [Subject]) -> Range<Int> {
        let start = terms.count
        for subject in subjects {
            switch subject {
            case .anyone: terms.append(.anyone)
            case .anonymous: terms.append(.anonymous)
            case .authenticated: terms.append(.authenticated)
            case .user(let name): terms.append(.user(number(ofUser: name)))
            case .group(let name): terms.append(.group(number(ofGroupSubject: name)))
            }
        }
        return start..<terms.count
    }

    private mutating func number(ofUser name: ByteString) -> Int {
        if let user = users[name] { return user.number }
        let number = users.count
        users[name] = User(number: number, memberships: 0..<0)
        return number
    }

    private mutating func number(ofGroupSubject name: ByteString) -> Int {
        if let known = groupSubjects.firstIndex(of: name) { return known }
        let number = groupSubjects.count
        groupSubjects.append(name)
        if name.hasWildcard {
            wildcardGroupSubjects.append(number)
        } else {
            plainGroupSubjects[name] = number
        }
        return number
    }

    var letsAnonymousPullSomething: Bool {
        rules.contains { rule in
            !rule.isDeny && rule.actions.contains(.pull)
                && rule.who.contains { terms[$0].includesAnonymous }
                && !rule.except.contains { terms[$0].includesAnonymous }
                && rule.patterns.contains { !patterns[$0].needsVariable }
        }
    }
}

extension RuleBook.Term {
    fileprivate var includesAnonymous: Bool {
        switch self {
        case .anyone, .anonymous: true
        case .authenticated, .user, .group: false
        }
    }
}
