// One handle of libldap over a descriptor that somebody else moves bytes through.
#define _GNU_SOURCE
#include "COpenLDAP.h"
#include <openldap.h>
#include <pthread.h>
#include <stdlib.h>
#include <unistd.h>

/// Where a handle would connect if it ever opened a connection by itself: nowhere.
static const char nowhere[] = "ldapi://%2Fdev%2Fnull%2Fnowhere";

static pthread_once_t prepared = PTHREAD_ONCE_INIT;

/// Keeps ldap.conf, ldaprc and LDAP* variables out, before the library first looks for them.
static void prepare(void) {
    setenv("LDAPNOINIT", "1", 1);
    LDAP *first = NULL;
    if (ldap_create(&first) == LDAP_SUCCESS) ldap_unbind_ext(first, NULL, NULL);
}

static bool set_options(LDAP *handle, size_t largest_message) {
    int version = LDAP_VERSION3, never = LDAP_DEREF_NEVER;
    ber_len_t largest = largest_message;
    Sockbuf *buffer = NULL;
    return ldap_set_option(handle, LDAP_OPT_PROTOCOL_VERSION, &version) == LDAP_SUCCESS &&
           ldap_set_option(handle, LDAP_OPT_DEREF, &never) == LDAP_SUCCESS &&
           ldap_set_option(handle, LDAP_OPT_REFERRALS, LDAP_OPT_OFF) == LDAP_SUCCESS &&
           ldap_set_option(handle, LDAP_OPT_RESTART, LDAP_OPT_OFF) == LDAP_SUCCESS &&
           ldap_get_option(handle, LDAP_OPT_SOCKBUF, &buffer) == LDAP_SUCCESS &&
           ber_sockbuf_ctrl(buffer, LBER_SB_OPT_SET_MAX_INCOMING, &largest) == 1;
}

void directory_prepare(void) { pthread_once(&prepared, prepare); }

LDAP *directory_handle(int fd, size_t largest_message) {
    LDAP *handle = NULL;
    directory_prepare();
    if (ldap_init_fd(fd, LDAP_PROTO_TCP, nowhere, &handle) != LDAP_SUCCESS) {
        close(fd);
        return NULL;
    }
    if (set_options(handle, largest_message)) return handle;
    ldap_destroy(handle);
    return NULL;
}

void directory_close(LDAP *handle) { ldap_unbind_ext(handle, NULL, NULL); }
