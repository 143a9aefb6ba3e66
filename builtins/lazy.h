/*
 * lazy.h - the functions of libraries that are loaded at their first use.
 *
 * Headers are needed to build, the libraries themselves only by plans that use them: runplan links none of
 * these. An API is a constant record of function pointers, typed from the library's own header:
 *
 *     const struct curl_api *curl = curl_load(error, sizeof error);
 *     CURL *easy = curl->easy_init();
 *
 * curl_load() and pq_load() (declared in live.h) answer NULL with a message where a library or one of the
 * functions named here is missing. A library stays loaded. To use one more function, name it below.
 *
 * curl's members lack the prefix curl_, because its header defines some of these names as macros. Its setopt
 * and getinfo are variadic: pass numbers as long or curl_off_t, as the option wants.
 */
#ifndef RUNPLAN_LAZY_H
#define RUNPLAN_LAZY_H

#include <curl/curl.h>
#if __has_include(<postgresql/libpq-fe.h>)
#include <postgresql/libpq-fe.h>
#else
#include <libpq-fe.h>
#endif

#define CURL_FUNCTIONS(X)                                                                                    \
	X(global_init)                                                                                       \
	X(easy_init)                                                                                         \
	X(easy_cleanup)                                                                                      \
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

#endif
