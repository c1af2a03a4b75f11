import { postfix, posthorn } from './parameter.ts'

const action = (fallback: string, doc: string) =>
  postfix({ type: 'choice', values: ['ignore', 'enforce', 'drop'], default: fallback, doc })
const ttl = (fallback: string, unit: 's' | 'h' | 'd', doc: string) =>
  postfix({ type: 'time', default: fallback, unit, min: 1, doc })

const enable = (what: string) =>
  postfix({
    type: 'boolean',
    default: 'no',
    doc: `Watch, after the greeting, whether a client that is not known yet ${what}. Its mail is put off until it has come again (450 4.3.2).`,
  })

/** Tests of strangers before the greeting. */
export const postscreen = {
  postscreen: posthorn({
    type: 'boolean',
    default: 'no',
    doc: 'Test strangers on port 25 before they are greeted, as postscreen(8) does: by postscreen_access_list, by DNS lists with weights, by a pause in which they must not speak. Who passes is remembered. A service of master.cf whose command is postscreen does so in any case.',
  }),
  postscreen_access_list: postfix({
    type: 'list',
    default: 'permit_mynetworks',
    doc: 'Clients that are greeted at once, or never: `permit_mynetworks`, tables by address (permit, reject, dunno), `permit`, `reject`.',
  }),
  postscreen_denylist_action: action(
    // biome-ignore lint/suspicious/noTemplateCurlyInString: Postfix's own syntax
    '${postscreen_blacklist_action?{$postscreen_blacklist_action}:{ignore}}',
    'What is done with clients that the access list rejects: greet them all the same, refuse their mail at RCPT TO, or disconnect.',
  ),
  postscreen_greet_wait: postfix({
    type: 'time',
    // biome-ignore lint/suspicious/noTemplateCurlyInString: Postfix's own syntax
    default: '${stress?{2}:{6}}s',
    unit: 's',
    doc: 'The pause before the greeting of a stranger.',
  }),
  postscreen_greet_banner: postfix({
    type: 'string',
    default: '$smtpd_banner',
    doc: 'The first line of the greeting, before the pause: who takes it for all of it speaks too early. Empty: none.',
  }),
  postscreen_pre_queue_limit: postfix({
    type: 'integer',
    default: '$default_process_limit',
    min: 10,
    doc: 'Strangers that are tested at a time, in each process; others are told 421 4.3.2.',
  }),
  postscreen_client_connection_count_limit: postfix({
    type: 'integer',
    default: '$smtpd_client_connection_count_limit',
    min: 0,
    doc: 'Connections of one stranger while it is tested, in each process; 0 = any number.',
  }),
  postscreen_command_count_limit: postfix({
    type: 'integer',
    default: '20',
    min: 1,
    doc: 'Commands that a client may send in the tests after the greeting.',
  }),
  postscreen_command_time_limit: postfix({
    type: 'time',
    // biome-ignore lint/suspicious/noTemplateCurlyInString: Postfix's own syntax
    default: '${stress?{10}:{300}}s',
    unit: 's',
    min: 1,
    doc: 'How long such a client may be silent.',
  }),
  postscreen_upstream_proxy_protocol: postfix({
    type: 'choice',
    values: ['', 'haproxy'],
    default: '',
    change: 'restart',
    doc: '`smtpd_upstream_proxy_protocol` of services with postscreen.',
  }),
  postscreen_upstream_proxy_timeout: postfix({
    type: 'time',
    default: '5s',
    unit: 's',
    doc: '`smtpd_upstream_proxy_timeout` of services with postscreen.',
  }),
  postscreen_greet_action: action('ignore', 'What is done with clients that speak before the greeting.'),
  postscreen_greet_ttl: ttl('1d', 'd', 'How long a client that waited need not wait again.'),
  postscreen_pipelining_enable: enable('sends commands without waiting for the answers'),
  postscreen_pipelining_action: action('enforce', 'What is done with a client that does.'),
  postscreen_pipelining_ttl: ttl('30d', 'd', 'How long one that did not is known.'),
  postscreen_non_smtp_command_enable: enable(
    'sends commands of other protocols (smtpd_forbidden_commands, header fields)',
  ),
  postscreen_non_smtp_command_action: action('drop', 'What is done with a client that does.'),
  postscreen_non_smtp_command_ttl: ttl('30d', 'd', 'How long one that did not is known.'),
  postscreen_bare_newline_enable: enable('ends lines with LF alone'),
  postscreen_bare_newline_action: action('ignore', 'What is done with a client that does.'),
  postscreen_bare_newline_ttl: ttl('30d', 'd', 'How long one that did not is known.'),
  postscreen_dnsbl_sites: postfix({
    type: 'list',
    default: '',
    doc: 'DNS lists, asked all at once: `domain`, `domain=127.0.0.[2..11]`, with a weight `*3`; `*-2` for allow lists.',
  }),
  postscreen_dnsbl_threshold: postfix({
    type: 'integer',
    default: '1',
    min: 1,
    doc: 'The sum of weights from which a client is a bad one.',
  }),
  postscreen_dnsbl_allowlist_threshold: postfix({
    type: 'integer',
    // biome-ignore lint/suspicious/noTemplateCurlyInString: Postfix's own syntax
    default: '${postscreen_dnsbl_whitelist_threshold?{$postscreen_dnsbl_whitelist_threshold}:{0}}',
    min: -1_000_000,
    max: 0,
    doc: 'The sum of weights, below zero, up to which a client need not wait. 0 = off.',
  }),
  postscreen_dnsbl_action: action(
    'ignore',
    'What is done with clients that reach postscreen_dnsbl_threshold.',
  ),
  postscreen_dnsbl_timeout: ttl('10s', 's', 'How long the answers of the lists are waited for.'),
  postscreen_dnsbl_max_ttl: ttl(
    // biome-ignore lint/suspicious/noTemplateCurlyInString: Postfix's own syntax
    '${postscreen_dnsbl_ttl?{$postscreen_dnsbl_ttl}:{1}}h',
    'h',
    'How long, at most, a client that was on no list is not asked for again; the answers of the lists may say less.',
  ),
  postscreen_dnsbl_min_ttl: ttl('60s', 's', 'And at least.'),
  postscreen_dnsbl_reply_map: postfix({
    type: 'tables',
    default: '',
    doc: "The name that replies give to a list: it hides a list's password.",
  }),
  postscreen_cache_map: postfix({
    type: 'string',
    default: 'btree:$data_directory/postscreen_cache',
    change: 'restart',
    doc: 'The file of clients that have passed (its type is not looked at); empty: they are known until the server stops.',
  }),
  postscreen_allowlist_interfaces: postfix({
    type: 'list',
    // biome-ignore lint/suspicious/noTemplateCurlyInString: Postfix's own syntax
    default: '${postscreen_whitelist_interfaces?{$postscreen_whitelist_interfaces}:{static:all}}',
    doc: 'Addresses of this machine at which clients earn their place in the cache. A backup MX address that is not among them shows who tries that one first.',
  }),
} as const
