import { X509Certificate } from 'node:crypto'
import { existsSync } from 'node:fs'
import type { Config } from '../../config/config.ts'
import { StartError } from '../../start-error.ts'
import { ownFiles, readKeyPair } from '../../tls/key-pair.ts'
import { type Finding, fail, ok, warn } from './finding.ts'

const dayMs = 86_400_000

/** Readable, a pair, in date, for our name, believed by clients? */
export function* examineCertificates(config: Config, dataFolder: string, nowMs: number): Generator<Finding> {
  const { values } = config
  const own = ownFiles(dataFolder)
  const pairs = new Map([
    [values.smtpd_tls_cert_file, { subject: 'smtpd_tls_cert_file', keyFile: values.smtpd_tls_key_file }],
  ])
  if (!pairs.has(values.ssl_cert))
    pairs.set(values.ssl_cert, { subject: 'ssl_cert', keyFile: values.ssl_key })
  for (const [certFile, { subject, keyFile }] of pairs) {
    if (certFile === '' && !existsSync(own.certFile)) {
      yield warn(
        'certificate',
        'a self-signed one is made on the first start',
        `get one that clients believe and set ${subject}`,
      )
      continue
    }
    const files = certFile === '' ? own : { certFile, keyFile }
    try {
      const { cert } = readKeyPair(files, nowMs)
      yield* examineOne(new X509Certificate(cert), files.certFile, subject, values.myhostname, nowMs)
    } catch (error) {
      if (!(error instanceof StartError)) throw error
      yield fail('certificate', error.message, error.remedy)
    }
  }
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
