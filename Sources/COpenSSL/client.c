// Sessions that we open ourselves, and whom they trust: over a wire, or over memory, so that whoever
// waits for the peer does it his way.
#include "COpenSSL.h"
#include <openssl/x509v3.h>

SSL_CTX *tls_client_context(const char *authorities, bool with_system) {
    SSL_CTX *context = SSL_CTX_new(TLS_client_method());
    if (!context) return NULL;
    SSL_CTX_set_options(context, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION);
    SSL_CTX_set_mode(context, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER |
                                  SSL_MODE_RELEASE_BUFFERS);
    SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);
    SSL_CTX_set_verify(context, SSL_VERIFY_PEER, NULL);
    // The system's folder by name: SSL_CERT_FILE and SSL_CERT_DIR decide nothing here.
    bool loaded =
        (!authorities || SSL_CTX_load_verify_file(context, authorities) == 1) &&
        (!with_system || SSL_CTX_load_verify_dir(context, X509_get_default_cert_dir()) == 1);
    if (!loaded || SSL_CTX_set_min_proto_version(context, TLS1_2_VERSION) != 1 ||
        !tls_set_policy(context)) {
        SSL_CTX_free(context);
        return NULL;
    }
    return context;
}

bool tls_expect_name(SSL *session, const char *host, bool is_address) {
    X509_VERIFY_PARAM *expected = SSL_get0_param(session);
    X509_VERIFY_PARAM_set_hostflags(
        expected, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS | X509_CHECK_FLAG_NEVER_CHECK_SUBJECT);
    if (is_address) return X509_VERIFY_PARAM_set1_ip_asc(expected, host) == 1;
    return X509_VERIFY_PARAM_set1_host(expected, host, 0) == 1 &&
           SSL_set_tlsext_host_name(session, host) == 1;
}

SSL *tls_connecting_session(SSL_CTX *context, const char *host, bool is_address) {
    SSL *session = SSL_new(context);
    BIO *in = BIO_new(BIO_s_mem());
    BIO *out = BIO_new(BIO_s_mem());
    if (!session || !in || !out || !tls_expect_name(session, host, is_address)) {
        SSL_free(session);
        BIO_free(in);
        BIO_free(out);
        return NULL;
    }
    // Empty means that more has to come, not that the stream has ended.
    BIO_set_mem_eof_return(in, -1);
    BIO_set_mem_eof_return(out, -1);
    SSL_set_bio(session, in, out);
    SSL_set_connect_state(session);
    return session;
}

bool tls_give_records(SSL *session, const void *bytes, size_t count) {
    size_t written = 0;
    return BIO_write_ex(SSL_get_rbio(session), bytes, count, &written) == 1 && written == count;
}

size_t tls_take_records(SSL *session, void *room, size_t count) {
    size_t taken = 0;
    return BIO_read_ex(SSL_get_wbio(session), room, count, &taken) == 1 ? taken : 0;
}

SSL *tls_connecting_wire_session(SSL_CTX *context, struct tls_wire *wire, const char *host,
                                 bool is_address) {
    static const unsigned char protocols[] = "\x08http/1.1";
    SSL *session = tls_wire_session(context, wire);
    if (!session) return NULL;
    if (!tls_expect_name(session, host, is_address) ||
        SSL_set_alpn_protos(session, protocols, sizeof protocols - 1) != 0) {
        SSL_free(session);
        return NULL;
    }
    wire->connecting = true;
    SSL_set_connect_state(session);
    return session;
}

const char *tls_verification_problem(const SSL *session) {
    long result = SSL_get_verify_result(session);
    return result == X509_V_OK ? NULL : X509_verify_cert_error_string(result);
}
