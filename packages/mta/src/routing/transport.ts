import type { RoutingOptions } from './routing-options.ts'

export interface Transport {
  readonly transport: string
  /** A domain (by MX), `[host]`, `host:port`; for `error` the status and text. */
  readonly nextHop: string
}

/** `smtp:[host]:587`, `smtp`, `error:text`. transport(5). An empty part takes the given one. */
export function parseTransport(text: string, fallback: Transport): Transport {
  const colon = text.indexOf(':')
  const name = (colon === -1 ? text : text.slice(0, colon)).trim()
  const nextHop = colon === -1 ? '' : text.slice(colon + 1).trim()
  return {
    transport: name === '' ? fallback.transport : name,
    nextHop: nextHop === '' ? fallback.nextHop : nextHop,
  }
}

/** `5.1.1 text`; Postfix's error(8) gives 5.0.0 where the text brings no status. */
export function errorTransport(status: string, text: string): Transport {
  return { transport: 'error', nextHop: `${status} ${text}` }
}

/** What local(8) or virtual(8) says itself: the queue logs it under their names, and asks nobody again. */
export function refusedBy(agent: 'local' | 'virtual', status: string, text: string): Transport {
  return { transport: agent, nextHop: `${status} ${text}` }
}

/** The verdict that a next hop holds instead of a place; undefined: none. */
export function refusalIn(nextHop: string): { readonly status: string; readonly text: string } | undefined {
  const match = /^([245]\.\d{1,3}\.\d{1,3}) (.*)$/s.exec(nextHop)
  return match === null ? undefined : { status: match[1] ?? '', text: match[2] ?? '' }
}

/** Where mail for another system goes. Postfix: relayhost overrides the domain for both classes. */
export function remoteTransport(
  domain: string,
  kind: 'relay' | 'default',
  options: Pick<RoutingOptions, 'relayhost' | 'relayTransport' | 'defaultTransport'>,
): Transport {
  const relayhost = options.relayhost ?? ''
  const configured = (kind === 'relay' ? options.relayTransport : options.defaultTransport) ?? ''
  const fallback = {
    transport: kind === 'relay' ? 'relay' : 'smtp',
    nextHop: relayhost === '' ? domain : relayhost,
  }
  const transport = configured === '' ? fallback : parseTransport(configured, fallback)
  return isFixed(transport)
    ? withStatus(parseTransport(configured, { ...transport, nextHop: '' }))
    : transport
}

const isFixed = ({ transport }: Transport): boolean => transport === 'error' || transport === 'retry'

/**
 * error(8): a text without a status gets this one, and no text gets one. What `error:` refuses is refused for ever and
 * what `retry:` refuses for now, whatever the status says. Postfix: smtpd_check_reject(), bounce_append().
 */
export function withStatus(transport: Transport, status = '5.0.0'): Transport {
  if (!isFixed(transport)) return transport
  const kind = transport.transport === 'error' ? '5' : '4'
  const said = /^[245](\.\d{1,3}\.\d{1,3})(?:[ \t]+(.*))?$/s.exec(transport.nextHop)
  const text = (said === null ? transport.nextHop : (said[2] ?? '')) || 'Address is undeliverable'
  return { ...transport, nextHop: `${kind}${said?.[1] ?? status.slice(1)} ${text}` }
}
