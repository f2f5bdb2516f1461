// The fixed policy of our sessions, and our servers (Mozilla's "intermediate" without DHE).
#include "COpenSSL.h"

static const char suites_13[] =
    "TLS_AES_128_GCM_SHA256:TLS_AES_256_GCM_SHA384:TLS_CHACHA20_POLY1305_SHA256";
static const char suites_12[] =
    "ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-RSA-AES128-GCM-SHA256:"
    "ECDHE-ECDSA-AES256-GCM-SHA384:ECDHE-RSA-AES256-GCM-SHA384:"
    "ECDHE-ECDSA-CHACHA20-POLY1305:ECDHE-RSA-CHACHA20-POLY1305";
static const char groups[] = "X25519:P-256:P-384";
static const char signatures[] =
    "ECDSA+SHA256:ECDSA+SHA384:ed25519:RSA-PSS+SHA256:RSA-PSS+SHA384:RSA-PSS+SHA512:"
    "RSA+SHA256:RSA+SHA384:RSA+SHA512";

/// Takes `http/1.1` where it is among the names offered, else ends the handshake. Own code instead of
/// SSL_select_next_proto, which overreads a malformed list in some versions.
static int select_protocol(SSL *session, const unsigned char **chosen, unsigned char *length,
                           const unsigned char *offered, unsigned int size, void *context) {
    (void)session;
    (void)context;
    static const unsigned char name[] = "http/1.1";
    const unsigned char count = sizeof name - 1;
    unsigned int at = 0;
    while (at < size) {
        unsigned int next = at + 1 + offered[at];
        if (next > size) break;
        if (offered[at] == count && memcmp(offered + at + 1, name, count) == 0) {
            *chosen = name;
            *length = count;
            return SSL_TLSEXT_ERR_OK;
        }
        at = next;
    }
    return SSL_TLSEXT_ERR_ALERT_FATAL;
}

bool tls_set_policy(SSL_CTX *context) {
    return SSL_CTX_set_cipher_list(context, suites_12) == 1 &&
           SSL_CTX_set_ciphersuites(context, suites_13) == 1 &&
           SSL_CTX_set1_groups_list(context, groups) == 1 &&
           SSL_CTX_set1_sigalgs_list(context, signatures) == 1;
}

SSL_CTX *tls_server_context(int minimum) {
    SSL_CTX *context = SSL_CTX_new(TLS_server_method());
    if (!context) return NULL;
    SSL_CTX_set_options(context, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION);
    SSL_CTX_set_mode(context, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER |
                                  SSL_MODE_RELEASE_BUFFERS);
    SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);
    SSL_CTX_set_max_early_data(context, 0);
    SSL_CTX_set_alpn_select_cb(context, select_protocol, NULL);
    if (SSL_CTX_set_min_proto_version(context, minimum) != 1 || !tls_set_policy(context) ||
        !tls_keep_ticket_keys(context)) {
        SSL_CTX_free(context);
        return NULL;
    }
    return context;
}
