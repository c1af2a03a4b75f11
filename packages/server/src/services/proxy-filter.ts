import { isAbsolute, join } from 'node:path'
import { PolicyError, type ProxyFilterSettings } from '@posthorn/mta'
import type { Config } from '../config/config.ts'

/** smtpd_proxy_filter; undefined: none. Throws PolicyError. */
export function proxyFilter({ values }: Config): ProxyFilterSettings | undefined {
  const text = values.smtpd_proxy_filter
  if (text === '') return undefined
  return {
    server: placeOf(text, values.queue_directory),
    heloName: values.smtpd_proxy_ehlo,
    timeoutMs: values.smtpd_proxy_timeout,
    asks: values.smtpd_proxy_options.includes('speed_adjust') ? 'whole' : 'as-it-comes',
  }
}

/** A port alone is one of this machine, as in SMTPD_PROXY_README. */
function placeOf(text: string, queueFolder: string): ProxyFilterSettings['server'] {
  const [, path] = /^unix:(.+)$/.exec(text) ?? []
  if (path !== undefined)
    return { host: path, address: isAbsolute(path) ? path : join(queueFolder, path), port: 0 }
  const [, bracketed, plain, digits] =
    /^(?:inet:)?(?:(?:\[([^\]]+)\]|([^:[\]]*)):)?(\d{1,5})$/.exec(text) ?? []
  const port = Number(digits)
  if (!(port >= 1 && port <= 65_535))
    throw new PolicyError('smtpd_proxy_filter', `expected host:port or unix:/path, found "${text}"`)
  const host = bracketed ?? (plain || '127.0.0.1')
  return { host, address: host, port }
}
