#!/usr/bin/python3
"""An SMTP server on loopback that keeps what it gets: smtp_server.py FOLDER PORT [CERTIFICATE KEY [LOGIN]]

Each mail becomes FOLDER/mail.N: the envelope's sender and recipients in a line, then the message. With a certificate it
wants STARTTLS before a mail, with LOGIN (name:password) a login as well. Recipients refused@, busy@ and hang@ are refused,
refused for now, and never answered; a mail to lost@ is taken and the connection closed without a word. Prints `ready`.
Needs Debian's python3-aiosmtpd, and Debian's python3.
"""
import asyncio
import ctypes
import ssl
import sys

from aiosmtpd.smtp import SMTP, AuthResult


class Keeper:
    def __init__(self, folder):
        self.folder, self.count = folder, 0

    async def handle_RCPT(self, server, session, envelope, address, options):
        if address.startswith("refused@"):
            return "550 5.1.1 nobody of that name here"
        if address.startswith("busy@"):
            return "451 4.7.1 come back later"
        if address.startswith("hang@"):
            await asyncio.sleep(3600)
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server, session, envelope):
        self.count += 1
        with open("%s/mail.%d" % (self.folder, self.count), "wb") as mail:
            mail.write(("%s > %s\n" % (envelope.mail_from, " ".join(envelope.rcpt_tos))).encode())
            mail.write(envelope.original_content)
        if any(address.startswith("lost@") for address in envelope.rcpt_tos):
            server.transport.abort()
            await asyncio.sleep(1)
        return "250 kept"


def main(folder, port, certificate=None, key=None, login=None):
    ctypes.CDLL(None).prctl(1, 15)
    options = {}
    if certificate:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate, key)
        options.update(tls_context=context, require_starttls=True)
    if login:
        def check(server, session, envelope, mechanism, data):
            given = b"%s:%s" % (data.login, data.password)
            return AuthResult(success=given == login.encode(), handled=False)
        options.update(authenticator=check, auth_required=True)
    keeper = Keeper(folder)
    loop = asyncio.new_event_loop()
    asyncio.set_event_loop(loop)
    loop.run_until_complete(loop.create_server(lambda: SMTP(keeper, loop=loop, hostname="localhost", **options),
                                               "127.0.0.1", int(port)))
    print("ready", flush=True)
    loop.run_forever()


if len(sys.argv) < 3:
    sys.exit(__doc__)
main(*sys.argv[1:])
