import AccessControl
import Bytes
import Testing

@Suite struct CircumstanceTests {
    @Test("from: the rule matches for addresses of its networks, and for none where none is known")
    func networks() {
        let policy = AccessPolicy(rules: [
            rule("r", ["anyone"], ["**"], .allow(.pull), from: ["10.8.0.0/16", "2001:db8::/32"])
        ])
        func granted(_ client: String?) -> Actions {
            policy.granted(.anonymous, "a", in: Circumstances(client: client.map(address)))
        }
        for client in ["10.8.0.0", "10.8.255.255", "::ffff:10.8.1.1", "2001:db8::1"] {
            #expect(granted(client) == .pull)
        }
        for client in ["10.9.0.0", "10.7.255.255", "2001:db9::", "::1"] {
            #expect(granted(client) == [])
        }
        #expect(granted(nil) == [])
    }

    @Test("until: through the last second of the date, or the second of the time")
    func dates() {
        func granted(_ until: String, _ now: String?) -> Actions {
            let rules = [rule("r", ["anyone"], ["**"], .allow(.pull), until: until)]
            let circumstances = Circumstances(now: now.map(moment))
            return AccessPolicy(rules: rules).granted(.anonymous, "a", in: circumstances)
        }
        #expect(granted("2027-06-30", "2027-06-30T23:59:59Z") == .pull)
        #expect(granted("2027-06-30", "2027-07-01T00:00:00Z") == [])
        #expect(granted("2027-06-30T12:00:00+02:00", "2027-06-30T10:00:00Z") == .pull)
        #expect(granted("2027-06-30T12:00:00+02:00", "2027-06-30T10:00:01Z") == [])
        #expect(granted("2000-01-01", nil) == .pull)
    }

    @Test("a deny with conditions takes only where they hold")
    func conditionalDeny() {
        let policy = AccessPolicy(rules: [
            rule("all", ["anyone"], ["**"], .allow(.all)),
            rule("no", ["anyone"], ["**"], .deny(.all), from: ["10.0.0.0/8"], until: "2027-01-01"),
        ])
        let inside = address("10.1.1.1")
        let late = moment("2027-01-02")
        #expect(policy.granted(.anonymous, "a", in: Circumstances(client: inside)) == [])
        #expect(
            policy.granted(.anonymous, "a", in: Circumstances(client: inside, now: late)) == .all)
        #expect(policy.granted(.anonymous, "a") == .all)
    }

    @Test(
        "a moment is a date or a time with its zone",
        arguments: [
            ("1970-01-01T00:00:00Z", 0), ("1970-01-01", 86_399), ("2000-02-29", 951_868_799),
            ("2027-06-30T12:34:56Z", 1_814_358_896), ("2027-06-30T12:34Z", 1_814_358_840),
            ("2027-06-30T12:34:56-01:30", 1_814_364_296), ("9999-12-31", 253_402_300_799),
        ] as [(String, Int64)]
    )
    func moments(text: String, seconds: Int64) {
        let moment = AccessControlTests.moment(text)
        #expect(moment.secondsSince1970 == seconds)
        #expect(AccessControlTests.moment(moment.description) == moment, "\(moment)")
    }

    @Test(
        "anything else is no moment",
        arguments: [
            "", "2027", "2027-6-30", "2027-06-31", "2027-02-29", "2100-02-29", "2027-13-01",
            "2027-00-10", "2027-06-00", "27-06-30", "2027-06-30 ", " 2027-06-30",
            "2027-06-30T12:00:00", "2027-06-30t12:00:00Z", "2027-06-30T24:00:00Z",
            "2027-06-30T12:60:00Z", "2027-06-30T12:00:60Z", "2027-06-30T12:00:00.5Z",
            "2027-06-30T12Z", "2027-06-30T12:00:00+2:00", "2027-06-30T12:00:00+0200",
            "2027-06-30T12:00:00+24:00", "1969-12-31", "20270630", "2027-06-30T12:00:00ZZ",
        ]
    )
    func noMoment(text: String) {
        let moment = Moment(parsing: Array(text.utf8).span, dateIs: .last)
        #expect(moment == nil)
    }
}
