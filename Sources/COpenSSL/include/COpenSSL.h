// OpenSSL for Swift: macros as functions, and a BIO of our own between a TLS session and its socket.
#pragma once
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "CLinux.h"
#include "crypto.h"

/// Where one TLS session's records come from and go to.
///
/// Reads go to the socket directly. Writes only collect in `out`, which the caller lends for the time
/// of one call; it sends them itself, many records with one system call.
struct tls_wire {
    struct socket_state *socket;
    uint8_t *out;          ///< NULL while nothing is lent: a write then asks to be repeated
    size_t out_end;        ///< bytes collected so far
    size_t out_size;
    bool connecting;       ///< we are the client
    bool opened;           ///< the first byte has come
    bool not_tls;          ///< ... and it began no TLS record that may come first
    bool shaken;           ///< the handshake is complete
    bool renegotiates;     ///< ... and the client has begun another
    bool floods;           ///< the peer sends records without data, and no end of them
    unsigned empty_records;///< records that have come since one had data
    bool ended;            ///< the socket's stream has ended
    int error;             ///< errno of a failed read, 0 if none
};

/// Outcomes of a step that are no byte count.
enum tls_step {
    TLS_WANTS_READ = -1,
    TLS_WANTS_WRITE = -2,
    TLS_FAILED = -3,
    TLS_CLOSED = 0,        ///< the peer's close_notify
};

/// Places OpenSSL's record buffers on page boundaries (see `Buffer` for why).
/// Must come before any other call of OpenSSL. False when the memory hooks could not be set.
bool tls_place_record_buffers(void);

/// A server context with the project's fixed policy (versions, suites, groups, options).
/// `minimum` is TLS1_2_VERSION or TLS1_3_VERSION. NULL on failure: see the error queue.
SSL_CTX *tls_server_context(int minimum);

/// Suites, groups and signatures of all our sessions. False on failure.
bool tls_set_policy(SSL_CTX *context);

/// Gives a server context keys of its own for session tickets, which change every eight hours; a ticket
/// counts as long, and under the host name that it was given out for alone. False on failure.
bool tls_keep_ticket_keys(SSL_CTX *context);

/// Seals tickets with a new key from now on. The two before it are still known. False on failure.
bool tls_change_ticket_key(SSL_CTX *context);

/// A session in neither state yet over `wire`, which must outlive it. NULL on failure.
SSL *tls_wire_session(SSL_CTX *context, struct tls_wire *wire);

/// The same in the accepting state.
SSL *tls_accepting_session(SSL_CTX *context, struct tls_wire *wire);

/// Each returns a positive count of bytes (1 for the handshake) or a `tls_step`.
ptrdiff_t tls_handshake(SSL *session);
ptrdiff_t tls_read(SSL *session, void *room, size_t count);
ptrdiff_t tls_write(SSL *session, const void *bytes, size_t count);

/// Queues close_notify into the lent `out`.
void tls_close(SSL *session);

/// How much is read ahead from the socket at once, from the next allocation on.
static inline void tls_read_ahead(SSL *session, size_t count) {
    SSL_set_default_read_buffer_len(session, count);
}

/// The newest error's reason as text for the log, and an emptied queue; "" if there is none.
void tls_take_error(char *text, size_t size);

/// Loads a PEM chain (leaf first) and its key, which must match; an encrypted key is refused.
/// 0, or which of the two failed: see the error queue.
enum tls_load { TLS_LOADED = 0, TLS_BAD_CHAIN = 1, TLS_BAD_KEY = 2, TLS_KEY_MISMATCH = 3 };
enum tls_load tls_load_certificate(SSL_CTX *context, const char *chain, const char *key);

/// The leaf's validity in seconds since 1970 (UTC). False if there is no certificate.
bool tls_validity(SSL_CTX *context, int64_t *not_before, int64_t *not_after);

/// Whether the session's own certificate names `host`: a DNS name, an IPv4 address or an IPv6 address
/// in brackets.
bool tls_certificate_names(SSL *session, const char *host);

/// Asks clients for a certificate that leads to one of `authorities` (PEM), and ends the handshake where
/// one does not, or is missing and `required`. `revoked` is a PEM file of revocation lists, one of each
/// authority of a chain, or NULL. No session is resumed from then on. See the error queue on failure.
enum tls_ask { TLS_ASKS = 0, TLS_BAD_AUTHORITIES = 1, TLS_BAD_REVOKED = 2 };
enum tls_ask tls_ask_clients(SSL_CTX *context, const char *authorities, const char *revoked,
                             bool required);

/// What the client's verified certificate calls it, at most `size` bytes: how many there are; 0 if there
/// is no certificate, -1 if there is not exactly one such name, or it is longer.
enum tls_name { TLS_COMMON_NAME, TLS_EMAIL, TLS_DNS };
ptrdiff_t tls_client_name(SSL *session, enum tls_name kind, uint8_t *room, size_t size);

/// TLS1_2_VERSION or TLS1_3_VERSION once the handshake is complete.
static inline int tls_version(const SSL *session) { return SSL_version(session); }

/// A client context: TLS 1.2 or newer, and the peer's certificate must lead to `authorities`, a PEM
/// file (NULL: none), or to one of the system's. NULL on failure: see the error queue.
SSL_CTX *tls_client_context(const char *authorities, bool with_system);

/// From now on the peer's certificate must name `host` among its alternative names; a name that is no
/// address is also asked for in the handshake. False on failure.
bool tls_expect_name(SSL *session, const char *host, bool is_address);

/// A session in the connecting state over `wire`, for a peer that is `host` and speaks HTTP/1.1. NULL
/// on failure.
SSL *tls_connecting_wire_session(SSL_CTX *context, struct tls_wire *wire, const char *host,
                                 bool is_address);

/// A digest of the certificates that the context trusts by a file, and of the revocation lists with them.
/// False without memory.
bool tls_authorities_digest(SSL_CTX *context, unsigned char digest[32]);

/// A session in the connecting state over memory. The peer's certificate must name `host` among its
/// alternative names. NULL on failure.
SSL *tls_connecting_session(SSL_CTX *context, const char *host, bool is_address);

/// Records from the peer, for a session over memory. False without memory.
bool tls_give_records(SSL *session, const void *bytes, size_t count);

/// Takes records for the peer out of a session over memory: how many bytes, 0 if there are none.
size_t tls_take_records(SSL *session, void *room, size_t count);

/// Why the peer's certificate was refused, in OpenSSL's words; NULL if it was not.
const char *tls_verification_problem(const SSL *session);
