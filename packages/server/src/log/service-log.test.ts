import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import type { LogEvent } from '@posthorn/mail'
import { loadConfig } from '../config/load-config.ts'
import { listenerLog, logNameOf, transportLog } from './service-log.ts'

const folder = mkdtempSync(join(tmpdir(), 'posthorn-names-'))
after(() => rmSync(folder, { recursive: true }))

function config(masterCf: string, mainCf = '') {
  writeFileSync(join(folder, 'main.cf'), `myhostname = mail.example.org\n${mainCf}`)
  writeFileSync(join(folder, 'master.cf'), masterCf)
  return loadConfig({ configOption: folder, environment: {} })
}

test('Postfix: -o syslog_name, in the forms that master.cf files have', () => {
  const named = (value: string, mainCf = '') => {
    const line = { service: 'relay', program: 'smtp', options: [{ name: 'syslog_name', value }] }
    const name = logNameOf(line, config('', mainCf))
    return name === undefined ? undefined : [name.syslogName, name.service]
  }
  assert.deepEqual(named('postfix/submission'), [undefined, 'submission/smtp'])
  assert.deepEqual(named('postfix/$service_name'), [undefined, 'relay/smtp'])
  // biome-ignore lint/suspicious/noTemplateCurlyInString: main.cf's own syntax
  const multi = '${multi_instance_name?{$multi_instance_name}:{postfix}}/$service_name'
  assert.deepEqual(named(multi), [undefined, 'relay/smtp'])
  assert.deepEqual(named('$syslog_name/out', 'syslog_name = mail\n'), [undefined, 'out/smtp'])
  assert.deepEqual(named('mx-out'), ['mx-out', 'smtp'])
  assert.deepEqual(named('mx/out'), ['mx/out', 'smtp'])
  for (const same of ['', 'postfix', 'posthorn', '$syslog_name']) assert.equal(named(same), undefined, same)
})

test('lines of transports and listeners; a reload brings other names', () => {
  const seen: LogEvent[] = []
  let current = config(
    'slow unix - - n - - smtp -o syslog_name=postfix/xyz\nbox unix - - n - - lmtp -o syslog_name=box\n',
  )
  const log = transportLog(
    (event) => seen.push(event),
    () => current,
  )
  const say = (service: string) => {
    log({ level: 'info', service, text: 'x' })
    const { syslogName, service: as } = seen.at(-1) ?? { service: '' }
    return syslogName === undefined ? as : `${syslogName}: ${as}`
  }
  assert.deepEqual(['slow', 'box', 'smtp', 'qmgr'].map(say), ['xyz/smtp', 'box: lmtp', 'smtp', 'qmgr'])
  current = config('smtp unix - - n - - smtp -o syslog_name=postfix/all\n')
  assert.deepEqual(['slow', 'smtp'].map(say), ['slow', 'all/smtp'])

  const [entry] = config('submission inet n - n - - smtpd -o syslog_name=postfix/submission\n').services.smtp
  assert.ok(entry?.entry)
  const listener = listenerLog(
    (event) => seen.push(event),
    { ...entry.entry, service: 'submission' },
    current,
  )
  for (const service of ['smtpd', 'cleanup']) listener({ level: 'info', service, text: 'x' })
  assert.deepEqual(
    seen.slice(-2).map(({ service }) => service),
    ['submission/smtpd', 'submission/cleanup'],
  )
})
