// The BIO between a TLS session and its socket, and the sessions over it.
#include "COpenSSL.h"

static BIO_METHOD *wire_method;
static CRYPTO_ONCE wire_method_once = CRYPTO_ONCE_STATIC_INIT;

enum { TLS_ALERT_RECORD = 21, TLS_HANDSHAKE_RECORD = 22 };

/// How many records in a row may carry no data once the handshake is over: a peer that sends one
/// KeyUpdate after another makes us derive keys and answer, and gives nothing.
enum { EMPTY_RECORDS_AT_MOST = 32 };

static int wire_write(BIO *bio, const char *bytes, size_t count, size_t *written) {
    struct tls_wire *wire = BIO_get_data(bio);
    BIO_clear_retry_flags(bio);
    if (!wire->out || count > wire->out_size - wire->out_end) {
        BIO_set_retry_write(bio);
        return 0;
    }
    memcpy(wire->out + wire->out_end, bytes, count);
    wire->out_end += count;
    *written = count;
    return 1;
}

static int wire_read(BIO *bio, char *room, size_t count, size_t *read) {
    struct tls_wire *wire = BIO_get_data(bio);
    BIO_clear_retry_flags(bio);
    ssize_t n = socket_receive(wire->socket, room, count);
    if (n > 0) {
        if (!wire->opened) {
            wire->opened = true;
            // A server may begin with an alert, a client may not.
            wire->not_tls = room[0] != TLS_HANDSHAKE_RECORD &&
                            !(wire->connecting && room[0] == TLS_ALERT_RECORD);
            if (wire->not_tls) return 0;
        }
        *read = (size_t)n;
        return 1;
    }
    if (n == 0) wire->ended = true;
    else if (errno == EAGAIN) BIO_set_retry_read(bio);
    else wire->error = errno;
    return 0;
}

static long wire_control(BIO *bio, int command, long number, void *pointer) {
    (void)number;
    (void)pointer;
    struct tls_wire *wire = BIO_get_data(bio);
    switch (command) {
    case BIO_CTRL_FLUSH: return 1;
    case BIO_CTRL_EOF: return wire->ended;
    default: return 0;
    }
}

static int wire_create(BIO *bio) {
    BIO_set_init(bio, 1);
    return 1;
}

static void make_wire_method(void) {
    wire_method = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "wire");
    if (!wire_method) return;
    BIO_meth_set_write_ex(wire_method, wire_write);
    BIO_meth_set_read_ex(wire_method, wire_read);
    BIO_meth_set_ctrl(wire_method, wire_control);
    BIO_meth_set_create(wire_method, wire_create);
}

/// Counts the records that come, and notices a client that begins a handshake once more (TLS 1.2).
static void count_record(int is_write, int version, int type, const void *bytes, size_t count,
                         SSL *session, void *context) {
    (void)version;
    (void)session;
    struct tls_wire *wire = context;
    if (is_write) return;
    if (type == SSL3_RT_HEADER) wire->empty_records++;
    if (type == SSL3_RT_HANDSHAKE && wire->shaken && count > 0 &&
        *(const unsigned char *)bytes == SSL3_MT_CLIENT_HELLO) wire->renegotiates = true;
}

SSL *tls_wire_session(SSL_CTX *context, struct tls_wire *wire) {
    if (!CRYPTO_THREAD_run_once(&wire_method_once, make_wire_method) || !wire_method) return NULL;
    SSL *session = SSL_new(context);
    BIO *bio = BIO_new(wire_method);
    if (!session || !bio) {
        SSL_free(session);
        BIO_free(bio);
        return NULL;
    }
    BIO_set_data(bio, wire);
    SSL_set_bio(session, bio, bio);
    SSL_set_read_ahead(session, 1);
    SSL_clear_mode(session, SSL_MODE_AUTO_RETRY);
    SSL_set_app_data(session, wire);
    SSL_set_msg_callback(session, count_record);
    SSL_set_msg_callback_arg(session, wire);
    return session;
}

SSL *tls_accepting_session(SSL_CTX *context, struct tls_wire *wire) {
    SSL *session = tls_wire_session(context, wire);
    if (session) SSL_set_accept_state(session);
    return session;
}

/// SSL_get_error(3) wants the thread's queue of errors to be empty before the call that it explains. It
/// nearly always is, and to ask costs far less than to empty it.
static void forget_errors(void) {
    if (ERR_peek_error() != 0) ERR_clear_error();
}

/// What a call that gave no bytes means.
static ptrdiff_t step(SSL *session, int result) {
    switch (SSL_get_error(session, result)) {
    case SSL_ERROR_WANT_READ: return TLS_WANTS_READ;
    case SSL_ERROR_WANT_WRITE: return TLS_WANTS_WRITE;
    case SSL_ERROR_ZERO_RETURN: return TLS_CLOSED;
    default: return TLS_FAILED;
    }
}

ptrdiff_t tls_handshake(SSL *session) {
    forget_errors();
    int result = SSL_do_handshake(session);
    if (result != 1) return step(session, result);
    struct tls_wire *wire = SSL_get_app_data(session);
    if (wire) {
        wire->empty_records = 0;
        wire->shaken = true;
    }
    return 1;
}

/// Over a wire one call of SSL_read takes up one record: without data it asks to be called again
/// (SSL_MODE_AUTO_RETRY is off), which is done here, up to a limit.
ptrdiff_t tls_read(SSL *session, void *room, size_t count) {
    struct tls_wire *wire = SSL_get_app_data(session);
    for (;;) {
        size_t read;
        unsigned seen = wire ? wire->empty_records : 0;
        forget_errors();
        int result = SSL_read_ex(session, room, count, &read);
        // OpenSSL ignores it (SSL_OP_NO_RENEGOTIATION), and the client would wait for ever.
        if (wire && wire->renegotiates) return TLS_FAILED;
        // With read-ahead, one call may take up several records; the last one carried the data.
        unsigned limit = EMPTY_RECORDS_AT_MOST + (result == 1);
        if (wire && wire->empty_records > limit) {
            wire->floods = true;
            return TLS_FAILED;
        }
        if (result == 1) {
            if (wire) wire->empty_records = 0;
            return (ptrdiff_t)read;
        }
        ptrdiff_t next = step(session, result);
        if (!wire || next != TLS_WANTS_READ || wire->empty_records == seen) return next;
    }
}

ptrdiff_t tls_write(SSL *session, const void *bytes, size_t count) {
    size_t written;
    forget_errors();
    int result = SSL_write_ex(session, bytes, count, &written);
    return result == 1 ? (ptrdiff_t)written : step(session, result);
}

void tls_close(SSL *session) {
    ERR_clear_error();
    SSL_shutdown(session);
    ERR_clear_error();
}

void tls_take_error(char *text, size_t size) {
    unsigned long code = ERR_peek_last_error();
    // "PEM lib" and the like only say in whose code the cause lies: that is the first error.
    if (ERR_GET_REASON(code) & ERR_RFLAG_COMMON) code = ERR_peek_error();
    char words[128] = "";
    const char *reason = words;
    if (!ERR_SYSTEM_ERROR(code)) reason = ERR_reason_error_string(code);
    else if (strerror_r(ERR_GET_REASON(code), words, sizeof words) != 0) reason = NULL;
    snprintf(text, size, "%s", reason ? reason : "");
    ERR_clear_error();
}
