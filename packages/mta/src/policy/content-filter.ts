/** Where mail goes before anything else is done with it. Postfix: content_filter. */
export interface FilterTransport {
  readonly transport: string
  readonly nextHop: string
  /** 'mapped': canonical addresses and copies are for the filter too. Default: for what comes back from it. */
  readonly addresses?: 'mapped'
}

/** `smtp:[127.0.0.1]:10024`, `lmtp:unix:/path`: a transport and its next hop. undefined: neither. */
export function parseFilter(text: string): FilterTransport | undefined {
  const [, transport, nextHop] = /^([A-Za-z0-9_-]+):(\S*)$/.exec(text.trim()) ?? []
  return transport === undefined || nextHop === undefined ? undefined : { transport, nextHop }
}
