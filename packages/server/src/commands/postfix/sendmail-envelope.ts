import { formatAddress, parseAddressList, parseAddressOrLocal } from '@posthorn/mail'
import type { Submission } from '@posthorn/mta'
import type { EnvelopeOptions, NewRecipient } from '@posthorn/storage'
import type { Config } from '../../config/config.ts'
import type { Options } from '../getopt.ts'
import { CommandError, exit, type Shell } from '../shell.ts'

export function completed(address: string, config: Config): string {
  return address.includes('@') ? address : `${address}@${config.values.myorigin}`
}

/** `-f`, `-r`; who calls when neither is there. */
export function senderOf(options: Options, shell: Shell): string {
  const given = options.value('f') ?? options.value('r')
  if (given === undefined) return shell.userName
  if (given === '' || given === '<>') return ''
  const [address, ...more] = addressesOf(given, 'sender')
  if (more.length > 0) shell.err(`sendmail: warning: -f option specified malformed sender: ${given}\n`)
  if (address === undefined) throw new CommandError(`bad sender address: ${given}`, exit.dataError)
  return address
}

/** `a@b`, `<a@b>`, `Name <a@b>`, `a, b`: mailx and its kind hand over lists. */
export function addressesOf(word: string, whose: 'sender' | 'recipient' = 'recipient'): readonly string[] {
  return partsOf(word)
    .filter((part) => part !== '')
    .map((part) => {
      if (parseAddressOrLocal(part) === undefined)
        throw new CommandError(`bad ${whose} address: ${part}`, exit.dataError)
      return part
    })
}

function partsOf(word: string): readonly string[] {
  if (!/[<"(]/.test(word)) return word.split(/[\s,]+/)
  return parseAddressList(word).map((address) => formatAddress(address))
}

/** The same address once, however its letters are written. */
export function withoutRepeats(addresses: readonly string[]): readonly string[] {
  return [...new Map(addresses.toReversed().map((one) => [one.toLowerCase(), one])).values()].toReversed()
}

type Notify = NonNullable<NewRecipient['notify']>

/**
 * RFC 3461 §4.1: `-N failure,delay` or `-N never`; `-v` asks for a report in any case. What is wrong is
 * told and passed over.
 */
export function notifyOf(options: Options, shell: Shell): { readonly notify?: Notify } {
  const warn = (text: string) => shell.err(`sendmail: warning: ${text}\n`)
  const given = options.value('N') ?? ''
  const words = given
    .toUpperCase()
    .split(',')
    .filter((word) => word !== '')
  if (words.length === 0) return wantsReport(options) ? { notify: ['SUCCESS', 'FAILURE', 'DELAY'] } : {}
  const known: Notify = ['NEVER', 'SUCCESS', 'FAILURE', 'DELAY']
  const notify = known.filter((word) => words.includes(word))
  const unknown = words.find((word) => !known.some((one) => one === word))
  if (unknown !== undefined) warn(`unknown DSN NOTIFY command value "${unknown.toLowerCase()}" in "${given}"`)
  if (notify.length !== words.length || (notify.includes('NEVER') && notify.length > 1)) {
    warn('bad -N option value -- ignored')
    return {}
  }
  return { notify }
}

/** Postfix: sendmail -v, once: what becomes of the mail is reported to its sender. */
export const wantsReport = (options: Options): boolean => options.values('v').length === 1

/** `-XV`, `-XV-=`: variable envelope return paths. Postfix: VERP_README. */
export function verpOf(
  options: Options,
  { values }: Config,
): { readonly verp?: NonNullable<Submission['verp']> } {
  const asked = options.value('X')
  if (asked === undefined || !asked.startsWith('V')) return {}
  const delimiters = asked.slice(1)
  if (delimiters === '') return { verp: 'default' }
  const filter = values.verp_delimiter_filter
  if (delimiters.length !== 2 || [...delimiters].some((one) => !filter.includes(one)))
    throw new CommandError(`-V requires two characters from ${filter}`, exit.usage)
  return { verp: { delimiters } }
}

/** Postfix: sendmail -R, -V, -B. */
export function envelopeOptions(options: Options, shell: Shell): EnvelopeOptions {
  const warn = (text: string) => shell.err(`sendmail: warning: ${text}\n`)
  const ret = options.value('R')?.toUpperCase()
  const isRet = ret === 'FULL' || ret === 'HDRS'
  if (ret !== undefined && !isRet) warn('bad -R option value -- ignored')
  const envid = options.value('V')
  // RFC 3461 §4.4: 100 octets of xtext.
  const isEnvid = envid !== undefined && envid.length <= 100 && /^[ -~]*$/.test(envid)
  if (envid !== undefined && !isEnvid)
    warn(`${envid.length > 100 ? 'too long -V option value' : 'bad syntax in -V option value'} -- ignored`)
  const body = options.value('B')?.toUpperCase()
  if (body !== undefined && body !== '8BITMIME' && body !== '7BIT')
    throw new CommandError('-B option needs 8BITMIME or 7BIT', exit.usage)
  return {
    ...(isRet ? { ret } : {}),
    ...(isEnvid ? { envid } : {}),
    ...(body === '8BITMIME' ? { body: '8BITMIME' as const } : {}),
  }
}
