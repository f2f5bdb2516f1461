// Which authorities a context trusts, and whom they have revoked, in one number.
#include "COpenSSL.h"

bool tls_authorities_digest(SSL_CTX *context, unsigned char digest[32]) {
    STACK_OF(X509_OBJECT) *objects = X509_STORE_get0_objects(SSL_CTX_get_cert_store(context));
    EVP_MD_CTX *hash = EVP_MD_CTX_new();
    bool done = hash && EVP_DigestInit_ex(hash, EVP_sha256(), NULL) == 1;
    for (int i = 0; done && i < sk_X509_OBJECT_num(objects); i++) {
        unsigned char one[EVP_MAX_MD_SIZE];
        unsigned int count = 0;
        const X509_OBJECT *object = sk_X509_OBJECT_value(objects, i);
        const X509 *authority = X509_OBJECT_get0_X509(object);
        X509_CRL *list = X509_OBJECT_get0_X509_CRL((X509_OBJECT *)object);
        if (authority) done = X509_digest(authority, EVP_sha256(), one, &count) == 1;
        else if (list) done = X509_CRL_digest(list, EVP_sha256(), one, &count) == 1;
        else continue;
        done = done && EVP_DigestUpdate(hash, one, count) == 1;
    }
    done = done && EVP_DigestFinal_ex(hash, digest, NULL) == 1;
    EVP_MD_CTX_free(hash);
    return done;
}
