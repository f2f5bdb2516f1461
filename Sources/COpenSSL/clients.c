// Certificates of clients: who may vouch for them, and what they say.
#include "COpenSSL.h"
#include <openssl/x509v3.h>

/// Larger RSA keys than this only cost time (signatures of 16,384 bits take milliseconds each).
enum { RSA_BITS_AT_MOST = 8192, INTERMEDIATES_AT_MOST = 4 };

static bool has_nul(const ASN1_STRING *text) {
    return memchr(ASN1_STRING_get0_data(text), 0, (size_t)ASN1_STRING_length(text)) != NULL;
}

/// Whether a name in the certificate holds a NUL: some readers would see only what is before it.
static bool names_hold_nul(const X509 *certificate) {
    const X509_NAME *subject = X509_get_subject_name(certificate);
    for (int i = 0; i < X509_NAME_entry_count(subject); i++)
        if (has_nul(X509_NAME_ENTRY_get_data(X509_NAME_get_entry(subject, i)))) return true;
    GENERAL_NAMES *names = X509_get_ext_d2i(certificate, NID_subject_alt_name, NULL, NULL);
    bool found = false;
    for (int i = 0; i < sk_GENERAL_NAME_num(names) && !found; i++) {
        int type;
        const void *value = GENERAL_NAME_get0_value(sk_GENERAL_NAME_value(names, i), &type);
        if (type == GEN_EMAIL || type == GEN_DNS || type == GEN_URI) found = has_nul(value);
    }
    GENERAL_NAMES_free(names);
    return found;
}

/// Looks at each certificate of the chain after OpenSSL has, from the authority down.
static int check_certificate(int is_good, X509_STORE_CTX *check) {
    if (!is_good) return 0;
    X509 *certificate = X509_STORE_CTX_get_current_cert(check);
    EVP_PKEY *key = certificate ? X509_get0_pubkey(certificate) : NULL;
    bool is_large = key && EVP_PKEY_base_id(key) == EVP_PKEY_RSA &&
                    EVP_PKEY_bits(key) > RSA_BITS_AT_MOST;
    if (!key || is_large || names_hold_nul(certificate)) {
        X509_STORE_CTX_set_error(check, X509_V_ERR_CERT_REJECTED);
        return 0;
    }
    return 1;
}

enum tls_ask tls_ask_clients(SSL_CTX *context, const char *authorities, const char *revoked,
                             bool required) {
    STACK_OF(X509_NAME) *names = SSL_load_client_CA_file(authorities);
    if (!names) return TLS_BAD_AUTHORITIES;
    SSL_CTX_set_client_CA_list(context, names);
    if (SSL_CTX_load_verify_file(context, authorities) != 1) return TLS_BAD_AUTHORITIES;
    X509_STORE *store = SSL_CTX_get_cert_store(context);
    if (revoked) {
        X509_LOOKUP *lookup = X509_STORE_add_lookup(store, X509_LOOKUP_file());
        if (!lookup || X509_load_crl_file(lookup, revoked, X509_FILETYPE_PEM) < 1)
            return TLS_BAD_REVOKED;
        X509_STORE_set_flags(store, X509_V_FLAG_CRL_CHECK | X509_V_FLAG_CRL_CHECK_ALL);
    }
    int mode = SSL_VERIFY_PEER | (required ? SSL_VERIFY_FAIL_IF_NO_PEER_CERT : 0);
    SSL_CTX_set_verify(context, mode, check_certificate);
    SSL_CTX_set_verify_depth(context, INTERMEDIATES_AT_MOST);
    // A resumed session would bring an identity that nobody has looked at since: none is resumed.
    SSL_CTX_set_options(context, SSL_OP_NO_TICKET);
    SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);
    SSL_CTX_set_num_tickets(context, 0);
    unsigned char own[SSL_MAX_SID_CTX_LENGTH];
    if (RAND_bytes(own, sizeof own) != 1 ||
        SSL_CTX_set_session_id_context(context, own, sizeof own) != 1)
        return TLS_BAD_AUTHORITIES;
    return TLS_ASKS;
}

/// The one common name of a subject, as UTF-8.
static ptrdiff_t common_name(const X509 *certificate, uint8_t *room, size_t size) {
    const X509_NAME *subject = X509_get_subject_name(certificate);
    int at = X509_NAME_get_index_by_NID(subject, NID_commonName, -1);
    if (at < 0 || X509_NAME_get_index_by_NID(subject, NID_commonName, at) >= 0) return -1;
    unsigned char *text = NULL;
    int count = ASN1_STRING_to_UTF8(&text, X509_NAME_ENTRY_get_data(X509_NAME_get_entry(subject, at)));
    bool fits = count > 0 && (size_t)count <= size;
    if (fits) memcpy(room, text, (size_t)count);
    if (count >= 0) OPENSSL_free(text);
    return fits ? count : -1;
}

/// The one alternative name of a type.
static ptrdiff_t alternative_name(const X509 *certificate, int wanted, uint8_t *room, size_t size) {
    GENERAL_NAMES *names = X509_get_ext_d2i(certificate, NID_subject_alt_name, NULL, NULL);
    ptrdiff_t count = -1;
    int found = 0;
    for (int i = 0; i < sk_GENERAL_NAME_num(names); i++) {
        int type;
        const ASN1_STRING *value =
            GENERAL_NAME_get0_value(sk_GENERAL_NAME_value(names, i), &type);
        if (type != wanted || ++found > 1) continue;
        int length = ASN1_STRING_length(value);
        if (length <= 0 || (size_t)length > size) continue;
        memcpy(room, ASN1_STRING_get0_data(value), (size_t)length);
        count = length;
    }
    GENERAL_NAMES_free(names);
    return found == 1 ? count : -1;
}

ptrdiff_t tls_client_name(SSL *session, enum tls_name kind, uint8_t *room, size_t size) {
    const X509 *certificate = SSL_get0_peer_certificate(session);
    if (!certificate || SSL_get_verify_result(session) != X509_V_OK) return 0;
    switch (kind) {
    case TLS_COMMON_NAME: return common_name(certificate, room, size);
    case TLS_EMAIL: return alternative_name(certificate, GEN_EMAIL, room, size);
    case TLS_DNS: return alternative_name(certificate, GEN_DNS, room, size);
    }
    return -1;
}
