import { X509Certificate } from 'node:crypto'
import { existsSync } from 'node:fs'
import type { Config } from '../../config/config.ts'
import { StartError } from '../../start-error.ts'
import { ownFiles, readKeyPair } from '../../tls/key-pair.ts'
import { smtpdCertificates } from '../../tls/server-certificates.ts'
import { type Finding, fail, ok, warn } from './finding.ts'

const dayMs = 86_400_000

/** Readable, a pair, in date, for our name, believed by clients? */
export function* examineCertificates(config: Config, dataFolder: string, nowMs: number): Generator<Finding> {
  const { values } = config
  const own = ownFiles(dataFolder)
  for (const { subject, certificates } of sidesOf(config, nowMs)) {
    try {
      const found = certificates()
      if (found === undefined && !existsSync(own.certFile)) {
        yield warn(
          'certificate',
          'a self-signed one is made on the first start',
          `get one that clients believe and set ${subject}`,
        )
        continue
      }
      const pems = found ?? [{ file: own.certFile, cert: readKeyPair(own, nowMs).cert }]
      for (const { file, cert } of pems)
        yield* examineOne(new X509Certificate(cert), file, subject, values.myhostname, nowMs)
    } catch (error) {
      if (!(error instanceof StartError)) throw error
      yield fail('certificate', error.message, error.remedy)
    }
  }
}

interface Side {
  readonly subject: string
  /** undefined: the server's own. */
  readonly certificates: () => readonly { readonly file: string; readonly cert: string }[] | undefined
}

/** POP3 and IMAP only where theirs are others. */
function sidesOf(config: Config, nowMs: number): readonly Side[] {
  const { smtpd_tls_chain_files: chains, smtpd_tls_cert_file: main, ssl_cert, ssl_key } = config.values
  const subject = chains.length > 0 ? 'smtpd_tls_chain_files' : 'smtpd_tls_cert_file'
  const file = chains.length > 0 ? chains.join(', ') : main
  const smtp: Side = {
    subject,
    certificates: () => smtpdCertificates(config, nowMs)?.cert.map((cert) => ({ file, cert })),
  }
  if (!config.isSet('ssl_cert') || (chains.length === 0 && ssl_cert === main)) return [smtp]
  const reading = () =>
    ssl_cert === ''
      ? undefined
      : [{ file: ssl_cert, cert: readKeyPair({ certFile: ssl_cert, keyFile: ssl_key }, nowMs).cert }]
  return [smtp, { subject: 'ssl_cert', certificates: reading }]
}

function* examineOne(
  certificate: X509Certificate,
  file: string,
  parameter: string,
  hostname: string,
  nowMs: number,
): Generator<Finding> {
  const daysLeft = Math.floor((certificate.validToDate.getTime() - nowMs) / dayMs)
  if (daysLeft < 0)
    yield fail('certificate', `${file} ran out ${-daysLeft} days ago`, 'renew it, then `posthorn reload`')
  else if (daysLeft < 14)
    yield warn('certificate', `${file} runs out in ${daysLeft} days`, 'renew it, then `posthorn reload`')
  else yield ok('certificate', `${file}, ${daysLeft} days left`)
  if (certificate.checkHost(hostname) === undefined) {
    yield warn(
      'certificate',
      `${file} does not name ${hostname}`,
      'get one for the name that clients connect to',
    )
  }
  if (certificate.issuer === certificate.subject) {
    yield warn(
      'certificate',
      `${file} is self-signed: clients ask their users`,
      `get one that clients believe and set ${parameter}`,
    )
  }
}
