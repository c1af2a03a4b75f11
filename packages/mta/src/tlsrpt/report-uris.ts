import { parseAddress } from '@posthorn/mail'

export type ReportUri =
  | { readonly kind: 'mailto'; readonly address: string }
  | { readonly kind: 'https'; readonly host: string; readonly port: number; readonly path: string }

/** As many as anybody needs. */
const maxUris = 5

const readUri = (text: string): ReportUri | undefined => {
  if (/^mailto:/i.test(text)) {
    const address = decode(text.slice(7).split('?', 1)[0] ?? '')
    return address !== undefined && parseAddress(address) !== undefined
      ? { kind: 'mailto', address }
      : undefined
  }
  if (!/^https:\/\//i.test(text) || !URL.canParse(text)) return undefined
  const { hostname, port, pathname, search, username } = new URL(text)
  if (username !== '' || hostname === '') return undefined
  return { kind: 'https', host: hostname, port: port === '' ? 443 : Number(port), path: pathname + search }
}

const decode = (text: string): string | undefined => {
  try {
    return decodeURIComponent(text)
  } catch {
    return undefined
  }
}

/** Where a domain wants its reports: `v=TLSRPTv1; rua=mailto:a@b,https://c/d`. RFC 8460 §3. Several records are none. */
export const reportUris = (texts: readonly string[]): readonly ReportUri[] => {
  const records = texts.filter((text) => /^v=TLSRPTv1[ \t]*;/.test(text))
  if (records.length !== 1) return []
  for (const field of (records[0] as string).split(';').slice(1)) {
    const [name = '', ...rest] = field.split('=')
    if (name.trim() !== 'rua') continue
    const uris = rest
      .join('=')
      .split(',')
      .flatMap((one) => readUri(one.trim()) ?? [])
    return uris.slice(0, maxUris)
  }
  return []
}
