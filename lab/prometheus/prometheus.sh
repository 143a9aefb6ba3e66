#!/bin/sh
# Prometheus, and beside it the exporter of the file systems that this container has mounted: the disk for uploads is one.
( prometheus-node-exporter --web.listen-address=127.0.0.1:9100 --log.level=warn \
    --collector.disable-defaults --collector.filesystem --collector.meminfo --collector.loadavg & )
# The admin API is there for `lab.sh reset`, which deletes all series: one test must not see the errors of another.
exec prometheus --config.file=/etc/prometheus/prometheus.yml --storage.tsdb.path=/prometheus \
    --storage.tsdb.retention.time=6h --web.enable-admin-api --web.enable-lifecycle
