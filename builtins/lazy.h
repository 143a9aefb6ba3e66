/*
 * lazy.h - the functions of libraries that are loaded at their first use.
 *
 * Headers are needed to build, the libraries themselves only by plans that use them: runplan links none of
 * these. An API is a constant record of function pointers, typed from the library's own header:
 *
 *     const struct curl_api *curl = curl_load(error, sizeof error);
 *     CURL *easy = curl->easy_init();
 *
 * curl_load() and its like (declared in live.h) answer NULL with a message where a library or one of the
 * functions named here is missing. A library stays loaded. To use one more function, name it below.
 *
 * curl's members lack the prefix curl_, because its header defines some of these names as macros. Its setopt
 * and getinfo are variadic: pass numbers as long or curl_off_t, as the option wants.
 */
#ifndef RUNPLAN_LAZY_H
#define RUNPLAN_LAZY_H

#include <curl/curl.h>
#include <hiredis/hiredis.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <expat.h>
#include <sqlite3.h>
#if __has_include(<postgresql/libpq-fe.h>)
#include <postgresql/libpq-fe.h>
#else
#include <libpq-fe.h>
#endif

#define CURL_FUNCTIONS(X)                                                                                    \
	X(global_init)                                                                                       \
	X(easy_init)                                                                                         \
	X(easy_cleanup)                                                                                      \
	X(easy_perform)                                                                                      \
	X(easy_reset)                                                                                        \
	X(easy_setopt)                                                                                       \
	X(easy_getinfo)                                                                                      \
	X(easy_strerror)                                                                                     \
	X(multi_init)                                                                                        \
	X(multi_cleanup)                                                                                     \
	X(multi_setopt)                                                                                      \
	X(multi_add_handle)                                                                                  \
	X(multi_remove_handle)                                                                               \
	X(multi_socket_action)                                                                               \
	X(multi_info_read)                                                                                   \
	X(multi_timeout)                                                                                     \
	X(multi_strerror)                                                                                    \
	X(slist_append)                                                                                      \
	X(slist_free_all)                                                                                    \
	X(getdate)                                                                                           \
	X(url)                                                                                               \
	X(url_set)                                                                                           \
	X(url_get)                                                                                           \
	X(url_cleanup)                                                                                       \
	X(free)

struct curl_api {
#define X(name) __typeof__(curl_##name) *name;
	CURL_FUNCTIONS(X)
#undef X
};

#define PQ_FUNCTIONS(X)                                                                                      \
	X(PQconnectStartParams)                                                                              \
	X(PQconnectPoll)                                                                                     \
	X(PQfinish)                                                                                          \
	X(PQstatus)                                                                                          \
	X(PQsocket)                                                                                          \
	X(PQtransactionStatus)                                                                               \
	X(PQparameterStatus)                                                                                 \
	X(PQserverVersion)                                                                                   \
	X(PQbackendPID)                                                                                      \
	X(PQerrorMessage)                                                                                    \
	X(PQdb)                                                                                              \
	X(PQuser)                                                                                            \
	X(PQhost)                                                                                            \
	X(PQport)                                                                                            \
	X(PQconninfoParse)                                                                                   \
	X(PQconninfo)                                                                                        \
	X(PQconninfoFree)                                                                                    \
	X(PQconndefaults)                                                                                    \
	X(PQsetnonblocking)                                                                                  \
	X(PQisnonblocking)                                                                                   \
	X(PQsetSingleRowMode)                                                                                \
	X(PQsendQuery)                                                                                       \
	X(PQsendQueryParams)                                                                                 \
	X(PQsendPrepare)                                                                                     \
	X(PQsendDescribePrepared)                                                                            \
	X(PQsendQueryPrepared)                                                                               \
	X(PQflush)                                                                                           \
	X(PQconsumeInput)                                                                                    \
	X(PQisBusy)                                                                                          \
	X(PQgetResult)                                                                                       \
	X(PQresultStatus)                                                                                    \
	X(PQresStatus)                                                                                       \
	X(PQresultErrorMessage)                                                                              \
	X(PQresultErrorField)                                                                                \
	X(PQcmdStatus)                                                                                       \
	X(PQcmdTuples)                                                                                       \
	X(PQntuples)                                                                                         \
	X(PQnfields)                                                                                         \
	X(PQnparams)                                                                                         \
	X(PQparamtype)                                                                                       \
	X(PQfname)                                                                                           \
	X(PQftype)                                                                                           \
	X(PQfmod)                                                                                            \
	X(PQfformat)                                                                                         \
	X(PQgetvalue)                                                                                        \
	X(PQgetisnull)                                                                                       \
	X(PQgetlength)                                                                                       \
	X(PQclear)                                                                                           \
	X(PQgetCancel)                                                                                       \
	X(PQcancel)                                                                                          \
	X(PQfreeCancel)                                                                                      \
	X(PQescapeIdentifier)                                                                                \
	X(PQescapeLiteral)                                                                                   \
	X(PQfreemem)                                                                                         \
	X(PQnotifies)                                                                                        \
	X(PQputCopyData)                                                                                     \
	X(PQputCopyEnd)                                                                                      \
	X(PQgetCopyData)                                                                                     \
	X(PQsetNoticeReceiver)                                                                               \
	X(PQsetNoticeProcessor)                                                                              \
	X(PQlibVersion)                                                                                      \
	X(PQping)                                                                                            \
	X(PQpingParams)

struct pq_api {
#define X(name) __typeof__(name) *name;
	PQ_FUNCTIONS(X)
#undef X
};

/* libssl, and what it stands on in libcrypto. */
#define TLS_FUNCTIONS(X)                                                                                     \
	X(SSL_CTX_new)                                                                                       \
	X(SSL_CTX_free)                                                                                      \
	X(SSL_CTX_set_default_verify_paths)                                                                  \
	X(SSL_CTX_load_verify_locations)                                                                     \
	X(SSL_CTX_set_verify)                                                                                \
	X(TLS_client_method)                                                                                 \
	X(SSL_new)                                                                                           \
	X(SSL_free)                                                                                          \
	X(SSL_set_fd)                                                                                        \
	X(SSL_ctrl)                                                                                          \
	X(SSL_set1_host)                                                                                     \
	X(SSL_get0_param)                                                                                    \
	X(SSL_connect)                                                                                       \
	X(SSL_read)                                                                                          \
	X(SSL_write)                                                                                         \
	X(SSL_get_error)                                                                                     \
	X(SSL_get_verify_result)                                                                             \
	X(SSL_get1_peer_certificate)                                                                         \
	X(SSL_get_version)                                                                                   \
	X(ERR_clear_error)                                                                                   \
	X(ERR_peek_last_error)                                                                               \
	X(ERR_reason_error_string)                                                                           \
	X(X509_free)                                                                                         \
	X(X509_VERIFY_PARAM_set1_ip_asc)                                                                     \
	X(X509_verify_cert_error_string)                                                                     \
	X(X509_STORE_CTX_get_error)                                                                          \
	X(X509_STORE_CTX_set_error)                                                                          \
	X(X509_get_subject_name)                                                                             \
	X(X509_get_issuer_name)                                                                              \
	X(X509_get_ext_d2i)                                                                                  \
	X(X509_get0_notBefore)                                                                               \
	X(X509_get0_notAfter)                                                                                \
	X(X509_digest)                                                                                       \
	X(X509_NAME_print_ex)                                                                                \
	X(ASN1_TIME_to_tm)                                                                                   \
	X(ASN1_STRING_get0_data)                                                                             \
	X(ASN1_STRING_length)                                                                                \
	X(BIO_new)                                                                                           \
	X(BIO_s_mem)                                                                                         \
	X(BIO_read)                                                                                          \
	X(BIO_free)                                                                                          \
	X(EVP_sha256)                                                                                        \
	X(GENERAL_NAMES_free)                                                                                \
	X(OPENSSL_sk_num)                                                                                    \
	X(OPENSSL_sk_value)

struct tls_api {
#define X(name) __typeof__(name) *name;
	TLS_FUNCTIONS(X)
#undef X
};

#define HIREDIS_FUNCTIONS(X)                                                                                 \
	X(redisReaderCreateWithFunctions)                                                                    \
	X(redisReaderFree)                                                                                   \
	X(redisReaderFeed)                                                                                   \
	X(redisReaderGetReply)                                                                               \
	X(redisFormatCommandArgv)                                                                            \
	X(redisFreeCommand)

struct hiredis_api {
#define X(name) __typeof__(name) *name;
	HIREDIS_FUNCTIONS(X)
#undef X
};

#define EXPAT_FUNCTIONS(X)                                                                                   \
	X(XML_ParserCreate)                                                                                  \
	X(XML_ParserFree)                                                                                    \
	X(XML_SetUserData)                                                                                   \
	X(XML_SetElementHandler)                                                                             \
	X(XML_SetCharacterDataHandler)                                                                       \
	X(XML_SetStartDoctypeDeclHandler)                                                                    \
	X(XML_StopParser)                                                                                    \
	X(XML_Parse)                                                                                         \
	X(XML_GetErrorCode)                                                                                  \
	X(XML_ErrorString)                                                                                   \
	X(XML_GetCurrentLineNumber)

struct expat_api {
#define X(name) __typeof__(name) *name;
	EXPAT_FUNCTIONS(X)
#undef X
};

const struct expat_api *expat_load(char *error, size_t size); /* as curl_load() */

#define SQLITE_FUNCTIONS(X)                                                                                  \
	X(open_v2)                                                                                           \
	X(close_v2)                                                                                          \
	X(errmsg)                                                                                            \
	X(errstr)                                                                                            \
	X(extended_errcode)                                                                                  \
	X(busy_handler)                                                                                      \
	X(progress_handler)                                                                                  \
	X(interrupt)                                                                                         \
	X(limit)                                                                                             \
	X(db_config)                                                                                         \
	X(prepare_v2)                                                                                        \
	X(step)                                                                                              \
	X(finalize)                                                                                          \
	X(reset)                                                                                             \
	X(stmt_readonly)                                                                                     \
	X(bind_parameter_count)                                                                              \
	X(bind_null)                                                                                         \
	X(bind_int64)                                                                                        \
	X(bind_double)                                                                                       \
	X(bind_text)                                                                                         \
	X(column_count)                                                                                      \
	X(column_name)                                                                                       \
	X(column_type)                                                                                       \
	X(column_int64)                                                                                      \
	X(column_double)                                                                                     \
	X(column_text)                                                                                       \
	X(column_blob)                                                                                       \
	X(column_bytes)                                                                                      \
	X(changes64)                                                                                         \
	X(last_insert_rowid)                                                                                 \
	X(exec)                                                                                              \
	X(backup_init)                                                                                       \
	X(backup_step)                                                                                       \
	X(backup_finish)                                                                                     \
	X(free)

/* Without their prefix sqlite3_. */
struct sqlite_api {
#define X(name) __typeof__(sqlite3_##name) *name;
	SQLITE_FUNCTIONS(X)
#undef X
};

const struct sqlite_api *sqlite_load(char *error, size_t size); /* as curl_load() */

#endif
