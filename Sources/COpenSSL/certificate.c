// A server's certificate chain and key, from PEM files.
#define _GNU_SOURCE
#include "COpenSSL.h"
#include <openssl/x509v3.h>
#include <time.h>

/// Never asks a terminal: a key that needs a passphrase fails to load.
static int no_passphrase(char *room, int size, int writing, void *context) {
    (void)room;
    (void)size;
    (void)writing;
    (void)context;
    return -1;
}

enum tls_load tls_load_certificate(SSL_CTX *context, const char *chain, const char *key) {
    SSL_CTX_set_default_passwd_cb(context, no_passphrase);
    if (SSL_CTX_use_certificate_chain_file(context, chain) != 1) return TLS_BAD_CHAIN;
    if (SSL_CTX_use_PrivateKey_file(context, key, SSL_FILETYPE_PEM) != 1) {
        unsigned long code = ERR_peek_last_error();
        bool mismatch = ERR_GET_LIB(code) == ERR_LIB_X509 &&
                        ERR_GET_REASON(code) == X509_R_KEY_VALUES_MISMATCH;
        return mismatch ? TLS_KEY_MISMATCH : TLS_BAD_KEY;
    }
    return SSL_CTX_check_private_key(context) == 1 ? TLS_LOADED : TLS_KEY_MISMATCH;
}

static bool seconds(const ASN1_TIME *time, int64_t *value) {
    struct tm parts;
    if (!time || ASN1_TIME_to_tm(time, &parts) != 1) return false;
    *value = (int64_t)timegm(&parts);
    return true;
}

bool tls_validity(SSL_CTX *context, int64_t *not_before, int64_t *not_after) {
    const X509 *leaf = SSL_CTX_get0_certificate(context);
    return leaf && seconds(X509_get0_notBefore(leaf), not_before) &&
           seconds(X509_get0_notAfter(leaf), not_after);
}

bool tls_certificate_names(SSL *session, const char *host) {
    X509 *leaf = SSL_get_certificate(session);
    char address[64];
    size_t length = strlen(host);
    if (!leaf) return false;
    if (length > 2 && length < sizeof address && host[0] == '[' && host[length - 1] == ']') {
        memcpy(address, host + 1, length - 2);
        address[length - 2] = 0;
        return X509_check_ip_asc(leaf, address, 0) == 1;
    }
    return X509_check_host(leaf, host, length, 0, NULL) == 1 || X509_check_ip_asc(leaf, host, 0) == 1;
}
