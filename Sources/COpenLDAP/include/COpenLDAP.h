// The OpenLDAP client for Swift: handles over a socket of our own, with every option decided here.
#pragma once
#include <lber.h>
#include <ldap.h>
#include <stdbool.h>
#include <stdint.h>

/// Keeps the library from looking for files and variables. It sets a variable itself, so it should be
/// called early, before many threads run; the first handle does it otherwise.
void directory_prepare(void);

/// A handle that speaks LDAP version 3 over `fd`, which must be connected and non-blocking; it owns
/// and closes `fd`, also on failure. NULL without memory.
///
/// No file, no environment variable and no default of the library has any effect: referrals are not
/// followed, aliases not dereferenced, nothing is repeated, and no other connection is ever opened.
/// A message of more than `largest_message` bytes breaks the handle.
LDAP *directory_handle(int fd, size_t largest_message);

/// Closes the handle and its descriptor, after a goodbye (RFC 4511 section 4.3): the other end must
/// still be open.
void directory_close(LDAP *handle);

/// Requests. Each gives the message's number, or -1. Nothing waits.
int directory_bind(LDAP *handle, const char *dn, const void *password, size_t count);
int directory_search(LDAP *handle, const char *base, bool whole_subtree, const char *filter,
                     const char *const *attributes, int size_limit, int seconds);
int directory_start_tls(LDAP *handle);
int directory_who_am_i(LDAP *handle);

/// What has come for the request `number`. Never waits.
enum directory_arrival {
    DIRECTORY_NOTHING = 0,
    DIRECTORY_ENTRY,       ///< `*message`; freed by the caller
    DIRECTORY_REFERENCE,   ///< was thrown away: references are not followed
    DIRECTORY_RESULT,      ///< `*message`; freed by the caller
    DIRECTORY_UNEXPECTED,  ///< something else than the request can be answered with
    DIRECTORY_BROKEN,      ///< the stream ended, or is no LDAP
};
enum directory_arrival directory_next(LDAP *handle, int number, int expected, LDAPMessage **message);

/// The end of a request.
struct directory_result {
    int code;              ///< RFC 4511 section 4.1.9; negative: the message could not be read
    char *diagnostic;      ///< for people; NULL or freed by the caller with ldap_memfree
    int policy_error;      ///< of the password policy control; -1: none
};
struct directory_result directory_result(LDAP *handle, LDAPMessage *message);

/// Who the server says we are (RFC 4532): NULL if it does not say, else freed with ber_bvfree.
struct berval *directory_authorization(LDAP *handle, LDAPMessage *message);
