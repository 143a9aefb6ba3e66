/* notify_mail.h - the row notify.mail (notify_mail.c). */
#ifndef RUNPLAN_NOTIFY_MAIL_H
#define RUNPLAN_NOTIFY_MAIL_H

#include "interp/builtin.h"

#define NOTIFY_MAIL_SIGNATURE                                                                                \
	"(to: any, subject: string, body: string, from: string = null, smtp: string = null, tls: string = "  \
	"\"starttls\", login: secret string = null, ca: path = null, timeout: duration = 30s)"

void notify_mail_start(struct effect_call *call);
struct value notify_mail_describe(const struct effect_request *request);

#endif
