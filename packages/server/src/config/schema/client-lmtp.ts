import { client } from './client.ts'
import { clientTls } from './client-tls.ts'
import { type Declaration, type Parameter, postfix } from './parameter.ts'

/** What smtp(8) and lmtp(8) do not share, and twins that have names or defaults of their own. */
const apart = [
  'smtp_helo_name',
  'smtp_helo_timeout',
  'smtp_tcp_port',
  'smtp_discard_ehlo_keywords',
  'smtp_discard_ehlo_keyword_address_maps',
  'smtp_never_send_ehlo',
  'smtp_always_send_ehlo',
  'smtp_generic_maps',
  'smtp_tls_dane_insecure_mx_policy',
  'smtp_tls_mta_sts',
  'smtp_tlsrpt_enable',
  'smtp_tlsrpt_skip_reused_handshakes',
  'smtp_tlsrpt_socket_name',
  'smtp_bdat_minimum_size',
] as const

type Shared = Omit<typeof client & typeof clientTls, (typeof apart)[number]>
type TwinOf<N> = N extends `smtp_${infer Rest}` ? `lmtp_${Rest}` : never
type Twins = { readonly [N in keyof Shared as TwinOf<N>]: Shared[N] & { readonly twin: string } }

const defaults: Readonly<Record<string, string>> = {
  lmtp_connect_timeout: '0s',
  lmtp_fallback_relay: '',
  lmtp_tls_security_level: '',
  lmtp_tls_secure_cert_match: 'nexthop',
}

function twinsOf(all: Readonly<Record<string, Parameter>>): Twins {
  const own = new Set<string>(apart)
  const twins: Record<string, Declaration> = {}
  for (const [twin, declaration] of Object.entries(all)) {
    if (!twin.startsWith('smtp_') || own.has(twin)) continue
    const name = twin.replace('smtp_', 'lmtp_')
    twins[name] = {
      ...declaration,
      default: defaults[name] ?? declaration.default.replaceAll(/(?<=\$\{?)smtp_/g, 'lmtp_'),
      doc: `\`${twin}\` for LMTP.${/ \(Default of Postfix:.*?\)/.exec(declaration.doc)?.[0] ?? ''}`,
      twin,
    }
  }
  return twins as unknown as Twins
}

/** lmtp(8): each smtp_ parameter again. */
export const clientLmtp = {
  ...twinsOf({ ...client, ...clientTls }),
  lmtp_lhlo_name: postfix({
    type: 'string',
    default: '$myhostname',
    twin: 'smtp_helo_name',
    doc: 'The name said in LHLO.',
  }),
  lmtp_lhlo_timeout: postfix({
    type: 'time',
    default: '300s',
    unit: 's',
    twin: 'smtp_helo_timeout',
    doc: 'How long to wait for the greeting and for the answer to LHLO.',
  }),
  lmtp_tcp_port: postfix({
    type: 'string',
    default: '24',
    twin: 'smtp_tcp_port',
    doc: 'The port of LMTP servers, by name or number.',
  }),
  lmtp_discard_lhlo_keywords: postfix({
    type: 'list',
    default: '',
    twin: 'smtp_discard_ehlo_keywords',
    doc: '`smtp_discard_ehlo_keywords` for LMTP.',
  }),
  lmtp_discard_lhlo_keyword_address_maps: postfix({
    type: 'tables',
    default: '',
    twin: 'smtp_discard_ehlo_keyword_address_maps',
    doc: '`smtp_discard_ehlo_keyword_address_maps` for LMTP.',
  }),
  lmtp_generic_maps: postfix({
    type: 'tables',
    default: '',
    twin: 'smtp_generic_maps',
    doc: '`smtp_generic_maps` for LMTP.',
  }),
  lmtp_header_checks: postfix({
    type: 'tables',
    default: '',
    twin: 'smtp_header_checks',
    doc: '`smtp_header_checks` for LMTP.',
  }),
  lmtp_mime_header_checks: postfix({
    type: 'tables',
    default: '',
    twin: 'smtp_mime_header_checks',
    doc: '`smtp_mime_header_checks` for LMTP.',
  }),
  lmtp_nested_header_checks: postfix({
    type: 'tables',
    default: '',
    twin: 'smtp_nested_header_checks',
    doc: '`smtp_nested_header_checks` for LMTP.',
  }),
  lmtp_body_checks: postfix({
    type: 'tables',
    default: '',
    twin: 'smtp_body_checks',
    doc: '`smtp_body_checks` for LMTP.',
  }),
} as const
