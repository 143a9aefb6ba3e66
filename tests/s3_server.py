#!/usr/bin/python3
"""An S3 server on loopback that checks signatures: OpenStack Swift's own servers, with its s3api in front.

    s3_server.py run FOLDER PORT [BUCKET...]      until it is killed; prints `ready`
    s3_server.py start FOLDER PORT [BUCKET...]    in the background, back when it answers
    s3_server.py stop FOLDER                      what start began

The buckets are made where they are missing.

FOLDER holds configuration and objects; it is made, and must be on a file system with extended attributes of users. Path
style and virtual hosts (BUCKET.localhost) both work. Region us-east-1. S3_ACCESS_KEY and S3_SECRET_KEY (lab:operator and
s3-secret where they are not set) are the one pair of keys; an access key is written ACCOUNT:USER here.

One copy of each object is kept. Needs Debian's swift-proxy,
swift-account, swift-container and swift-object, and Debian's python3.
"""
import ctypes
import hashlib
import hmac
import http.client
import os
import pwd
import signal
import socket
import subprocess
import sys
import time

STORES = ("account", "container", "object")
PROXY = """[DEFAULT]
bind_ip = 127.0.0.1
bind_port = {port}
swift_dir = {folder}
user = {user}
log_level = ERROR
[pipeline:main]
pipeline = cache s3api tempauth slo proxy-server
[app:proxy-server]
use = egg:swift#proxy
allow_account_management = true
account_autocreate = true
client_timeout = 60
node_timeout = 60
# Nobody listens there, and nothing is cached.
[filter:cache]
use = egg:swift#memcache
memcache_servers = 127.0.0.1:1
[filter:s3api]
use = egg:swift#s3api
location = us-east-1
storage_domain = localhost
# So that a list of a few has pages.
max_bucket_listing = 10
[filter:tempauth]
use = egg:swift#tempauth
user_{account}_{name} = {secret} .admin
[filter:slo]
use = egg:swift#slo
"""

STORE = """[DEFAULT]
bind_ip = 127.0.0.1
bind_port = {port}
swift_dir = {folder}
devices = {folder}/devices
mount_check = false
fallocate_reserve = 0
user = {user}
log_level = ERROR
[pipeline:main]
pipeline = {kind}-server
[app:{kind}-server]
use = egg:swift#{kind}
"""


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def keys():
    return os.environ.get("S3_ACCESS_KEY", "lab:operator"), os.environ.get("S3_SECRET_KEY", "s3-secret")


def make_bucket(port, bucket):
    """PUT /BUCKET, signed here: nothing of runplan takes part."""
    access, secret = keys()
    stamp, payload, region = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime()), hashlib.sha256(b"").hexdigest(), "us-east-1"
    headers = {"host": "127.0.0.1:%d" % port, "x-amz-content-sha256": payload, "x-amz-date": stamp}
    names = ";".join(sorted(headers))
    canonical = "\n".join(["PUT", "/" + bucket, ""] + ["%s:%s" % (name, headers[name]) for name in sorted(headers)]
                          + ["", names, payload])
    scope = "%s/%s/s3/aws4_request" % (stamp[:8], region)
    to_sign = "\n".join(["AWS4-HMAC-SHA256", stamp, scope, hashlib.sha256(canonical.encode()).hexdigest()])
    key = ("AWS4" + secret).encode()
    for part in scope.split("/") + [to_sign]:
        key = hmac.new(key, part.encode(), hashlib.sha256).digest()
    headers["Authorization"] = "AWS4-HMAC-SHA256 Credential=%s/%s, SignedHeaders=%s, Signature=%s" % (
        access, scope, names, key.hex())
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    connection.request("PUT", "/" + bucket, headers=headers)
    answer = connection.getresponse()
    if answer.status not in (200, 409):
        sys.exit("s3_server: bucket %s: %d %s" % (bucket, answer.status, answer.read().decode()))


def configure(folder, port):
    from swift.common.ring import RingBuilder

    user = pwd.getpwuid(os.getuid()).pw_name
    access, secret = keys()
    account, _, name = access.partition(":")
    os.makedirs(folder + "/devices/disk", exist_ok=True)
    with open(folder + "/swift.conf", "w") as conf:
        conf.write("[swift-hash]\nswift_hash_path_suffix = tests\n")
    with open(os.open(folder + "/proxy.conf", os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as conf:
        conf.write(PROXY.format(port=port, folder=folder, user=user, account=account, name=name, secret=secret))
    for kind in STORES:
        store_port = free_port()
        builder = RingBuilder(1, 1, 0)
        builder.add_dev({"region": 1, "zone": 1, "ip": "127.0.0.1", "port": store_port, "device": "disk",
                         "weight": 1, "replication_ip": "127.0.0.1", "replication_port": store_port})
        builder.rebalance()
        builder.get_ring().save("%s/%s.ring.gz" % (folder, kind))
        with open("%s/%s.conf" % (folder, kind), "w") as conf:
            conf.write(STORE.format(port=store_port, folder=folder, kind=kind, user=user))


def end_with_parent():
    ctypes.CDLL(None).prctl(1, signal.SIGKILL)


def serve(folder, kind, ready):
    from swift.common import utils, wsgi

    end_with_parent()
    conf = wsgi.appconfig("%s/%s.conf" % (folder, kind), name=kind + "-server")
    wsgi.run_server(conf, utils.get_logger(conf, kind), wsgi.get_socket(conf), ready_callback=lambda: os.write(ready, b"r"))


def run(folder, port, buckets):
    from swift.common import storage_policy, utils

    if os.environ.get("S3_SERVER_STAYS") is None:
        end_with_parent()
    configure(folder, port)
    utils.eventlet_monkey_patch()
    utils.set_swift_dir(folder)
    storage_policy.reload_storage_policies()
    come, ready = os.pipe()
    for kind in STORES + ("proxy",):
        if os.fork() == 0:
            serve(folder, kind, ready)
            os._exit(1)
    for _ in STORES + ("proxy",):
        os.read(come, 1)
    for bucket in buckets:
        make_bucket(port, bucket)
    print("ready", flush=True)
    os.wait()
    sys.exit("s3_server: one of its servers ended")


def start(folder, port, buckets):
    os.makedirs(folder, exist_ok=True)
    log = open(folder + "/log", "ab")
    child = subprocess.Popen([sys.executable, os.path.abspath(__file__), "run", folder, str(port)] + buckets, stdin=subprocess.DEVNULL,
                             stdout=subprocess.PIPE, stderr=log, start_new_session=True,
                             env=dict(os.environ, S3_SERVER_STAYS="1"))
    with open(folder + "/pid", "w") as pid:
        pid.write("%d\n" % child.pid)
    if child.stdout.readline() != b"ready\n":
        child.wait()
        sys.exit("s3_server: it did not start; see %s/log" % folder)


def stop(folder):
    try:
        with open(folder + "/pid") as file:
            pid = int(file.read())
        os.kill(pid, signal.SIGTERM)
    except (FileNotFoundError, ProcessLookupError, ValueError):
        return
    for _ in range(100):
        try:
            os.kill(pid, 0)
        except ProcessLookupError:
            break
        time.sleep(0.1)
    os.unlink(folder + "/pid")


def main(arguments):
    if len(arguments) >= 3 and arguments[0] in ("run", "start"):
        (run if arguments[0] == "run" else start)(os.path.abspath(arguments[1]), int(arguments[2]), arguments[3:])
    elif len(arguments) == 2 and arguments[0] == "stop":
        stop(os.path.abspath(arguments[1]))
    else:
        sys.exit(__doc__)


main(sys.argv[1:])
