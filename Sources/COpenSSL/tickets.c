// Session tickets (RFC 8446 section 4.6.1, RFC 5077), which let a client come back without a whole
// handshake. What they are sealed with lives in memory alone, belongs to one server context and
// changes every eight hours; the two keys before are still known.
#include "COpenSSL.h"
#include <openssl/core_names.h>
#include <openssl/rand.h>
#include <time.h>

enum { KEYS = 3, KEY_SECONDS = 8 * 3600 };

struct ticket_key {
    unsigned char name[16], cipher[32], mac[32];
    int64_t made; ///< seconds of the monotonic clock
};

struct ticket_keys {
    CRYPTO_RWLOCK *lock;
    int count;
    struct ticket_key keys[KEYS]; ///< the newest first
};

static int keys_index = -1;
static CRYPTO_ONCE keys_index_once = CRYPTO_ONCE_STATIC_INIT;

static void free_keys(void *parent, void *value, CRYPTO_EX_DATA *data, int index, long number,
                      void *pointer) {
    (void)parent;
    (void)data;
    (void)index;
    (void)number;
    (void)pointer;
    struct ticket_keys *keys = value;
    if (!keys) return;
    CRYPTO_THREAD_lock_free(keys->lock);
    OPENSSL_clear_free(keys, sizeof *keys);
}

static void make_keys_index(void) {
    keys_index = SSL_CTX_get_ex_new_index(0, NULL, NULL, NULL, free_keys);
}

static int64_t monotonic_seconds(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec;
}

/// Under the lock. False without randomness: then there is no new key.
static bool add_key(struct ticket_keys *keys) {
    struct ticket_key fresh;
    bool made = RAND_bytes(fresh.name, sizeof fresh.name) == 1 &&
                RAND_priv_bytes(fresh.cipher, sizeof fresh.cipher) == 1 &&
                RAND_priv_bytes(fresh.mac, sizeof fresh.mac) == 1;
    if (made) {
        fresh.made = monotonic_seconds();
        memmove(keys->keys + 1, keys->keys, (KEYS - 1) * sizeof fresh);
        keys->keys[0] = fresh;
        if (keys->count < KEYS) keys->count++;
    }
    OPENSSL_cleanse(&fresh, sizeof fresh);
    return made;
}

static struct ticket_keys *keys_of(SSL_CTX *context) {
    return context ? SSL_CTX_get_ex_data(context, keys_index) : NULL;
}

bool tls_change_ticket_key(SSL_CTX *context) {
    struct ticket_keys *keys = keys_of(context);
    if (!keys || !CRYPTO_THREAD_write_lock(keys->lock)) return false;
    bool made = add_key(keys);
    CRYPTO_THREAD_unlock(keys->lock);
    return made;
}

/// Under the lock. - Returns: which key a ticket is sealed with; -1: none that is known, or too old.
static int find_key(struct ticket_keys *keys, const unsigned char name[16]) {
    int64_t oldest = monotonic_seconds() - KEYS * KEY_SECONDS;
    for (int i = 0; i < keys->count; i++) {
        if (memcmp(keys->keys[i].name, name, 16) == 0 && keys->keys[i].made > oldest) return i;
    }
    return -1;
}

static bool prepare(const struct ticket_key *key, const unsigned char *iv, EVP_CIPHER_CTX *cipher,
                    EVP_MAC_CTX *mac, int seals) {
    char digest[] = "SHA256";
    OSSL_PARAM parameters[] = {
        OSSL_PARAM_construct_octet_string(OSSL_MAC_PARAM_KEY, (void *)key->mac, sizeof key->mac),
        OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, digest, 0),
        OSSL_PARAM_construct_end(),
    };
    return EVP_CipherInit_ex(cipher, EVP_aes_256_cbc(), NULL, key->cipher, iv, seals) == 1 &&
           EVP_MAC_CTX_set_params(mac, parameters) == 1;
}

/// SSL_CTX_set_tlsext_ticket_key_evp_cb(3): 0 is a whole handshake, 2 a ticket that is to be renewed.
static int use_key(SSL *session, unsigned char name[16], unsigned char *iv, EVP_CIPHER_CTX *cipher,
                   EVP_MAC_CTX *mac, int seals) {
    struct ticket_keys *keys = keys_of(SSL_get_SSL_CTX(session));
    struct ticket_key key;
    int index = -1;
    if (!keys || !CRYPTO_THREAD_write_lock(keys->lock)) return 0;
    if (seals) {
        bool old = keys->count == 0 || keys->keys[0].made + KEY_SECONDS <= monotonic_seconds();
        if (!old || add_key(keys)) index = 0;
    } else {
        index = find_key(keys, name);
    }
    if (index >= 0) key = keys->keys[index];
    CRYPTO_THREAD_unlock(keys->lock);
    if (index < 0) return 0;
    if (seals) {
        memcpy(name, key.name, sizeof key.name);
        if (RAND_bytes(iv, EVP_CIPHER_get_iv_length(EVP_aes_256_cbc())) != 1) index = -1;
    }
    bool ready = index >= 0 && prepare(&key, iv, cipher, mac, seals);
    OPENSSL_cleanse(&key, sizeof key);
    if (!ready) return seals ? 0 : -1;
    return index == 0 ? 1 : 2;
}

/// The host name in the client's first message, if it holds exactly one (RFC 6066 section 3).
static bool asked_name(SSL *session, const unsigned char **name, size_t *length) {
    const unsigned char *list;
    size_t size;
    if (SSL_client_hello_get0_ext(session, TLSEXT_TYPE_server_name, &list, &size) != 1) return false;
    if (size < 5 || list[2] != TLSEXT_NAMETYPE_host_name) return false;
    *length = (size_t)list[3] << 8 | list[4];
    *name = list + 5;
    return *length == size - 5;
}

/// A session goes on only under the host name that it began with.
static SSL_TICKET_RETURN check_name(SSL *session, SSL_SESSION *resumed, const unsigned char *key_name,
                                    size_t key_name_length, SSL_TICKET_STATUS status, void *context) {
    (void)key_name;
    (void)key_name_length;
    (void)context;
    if (status == SSL_TICKET_EMPTY || status == SSL_TICKET_NO_DECRYPT)
        return SSL_TICKET_RETURN_IGNORE_RENEW;
    if (status != SSL_TICKET_SUCCESS && status != SSL_TICKET_SUCCESS_RENEW)
        return SSL_TICKET_RETURN_ABORT;
    const char *before = SSL_SESSION_get0_hostname(resumed);
    const unsigned char *now = NULL;
    size_t length = 0;
    bool names = asked_name(session, &now, &length);
    bool same = before ? names && length == strlen(before) && memcmp(now, before, length) == 0 : !names;
    if (!same) return SSL_TICKET_RETURN_IGNORE_RENEW;
    return status == SSL_TICKET_SUCCESS ? SSL_TICKET_RETURN_USE : SSL_TICKET_RETURN_USE_RENEW;
}

/// Every name is taken note of: OpenSSL keeps with a session only one that was accepted.
static int accept_name(SSL *session, int *alert, void *context) {
    (void)session;
    (void)alert;
    (void)context;
    return SSL_TLSEXT_ERR_OK;
}

bool tls_keep_ticket_keys(SSL_CTX *context) {
    if (!CRYPTO_THREAD_run_once(&keys_index_once, make_keys_index) || keys_index < 0) return false;
    struct ticket_keys *keys = OPENSSL_zalloc(sizeof *keys);
    if (!keys) return false;
    keys->lock = CRYPTO_THREAD_lock_new();
    if (!keys->lock || !add_key(keys) || SSL_CTX_set_ex_data(context, keys_index, keys) != 1) {
        CRYPTO_THREAD_lock_free(keys->lock);
        OPENSSL_clear_free(keys, sizeof *keys);
        return false;
    }
    SSL_CTX_set_timeout(context, KEY_SECONDS);
    SSL_CTX_set_num_tickets(context, 1);
    SSL_CTX_set_tlsext_servername_callback(context, accept_name);
    return SSL_CTX_set_tlsext_ticket_key_evp_cb(context, use_key) == 1 &&
           SSL_CTX_set_session_ticket_cb(context, NULL, check_name, NULL) == 1;
}
