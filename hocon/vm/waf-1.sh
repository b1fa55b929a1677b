#!/bin/sh
# What the firewall finds, on the serial port: the host node keeps it in the VM's log.
events=/run/tosec/waf-1.eve.json
until [ -e "$events" ]; do sleep 1; done
exec tail -n +1 -f "$events"
