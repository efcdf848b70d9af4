# Stand-ins for the images that the course takes from Docker Hub: small, and alike in what the course looks at.
FROM scratch AS busybox
COPY busybox /bin/busybox
RUN ["/bin/busybox", "--install", "/bin"]
RUN mkdir -p /etc /root /tmp /usr/bin /usr/sbin /var/www && echo root:x:0:0:root:/root:/bin/sh > /etc/passwd
ENV PATH=/usr/sbin:/usr/bin:/bin
CMD ["sh"]

# Serves what Debian's nginx serves.
FROM busybox AS nginx
RUN mkdir -p /usr/share/nginx/html && echo welcome > /usr/share/nginx/html/index.html
COPY --chmod=755 <<'END' /usr/sbin/nginx
#!/bin/sh
exec httpd -f -p 80 -h /usr/share/nginx/html
END
EXPOSE 80
STOPSIGNAL SIGQUIT
CMD ["nginx", "-g", "daemon off;"]

# Its apt-get knows two packages.
FROM busybox AS ubuntu
COPY --chmod=755 <<'END' /usr/bin/apt-get
#!/bin/sh
case "$*" in
  update) echo "Reading package lists..." ;;
  "install -y curl") printf '#!/bin/sh\nexec wget -qO- "$1"\n' > /usr/bin/curl && chmod +x /usr/bin/curl ;;
  "install -y nginx="*) printf '#!/bin/sh\nexec httpd -f -p 80 -h /var/www/html\n' > /usr/sbin/nginx && chmod +x /usr/sbin/nginx ;;
  *) echo "E: unknown: $*" >&2; exit 100 ;;
esac
END

# Its compiler knows programs that print one line.
FROM busybox AS golang
COPY --chmod=755 <<'END' /usr/bin/go
#!/bin/sh
test "$1" = build || exit 2
while test "$1" != -o; do shift; done
text=$(sed -n 's/.*fmt.Println("\(.*\)").*/\1/p' *.go)
printf '#!/bin/sh\necho "%s"\n' "$text" > "$2" && chmod +x "$2"
END

FROM busybox AS registry
COPY registry/layerlab registry/htpasswd /usr/bin/
COPY registry/libraries /
EXPOSE 5000
VOLUME /var/lib/registry
COPY <<'END' /etc/docker/registry/config.yml
version: 0.1
log:
  level: info
storage:
  filesystem:
    rootdirectory: /var/lib/registry
http:
  addr: :5000
END
ENTRYPOINT ["layerlab", "registry", "serve"]
CMD ["/etc/docker/registry/config.yml"]
