import assert from 'node:assert/strict'
import { once } from 'node:events'
import { connect } from 'node:net'
import { test } from 'node:test'
import { alice, startForClients } from './mail-server.ts'
import { Wire } from './wire.ts'

/** postscreen(8) on the whole server: who speaks before the greeting. */
const rows = [
  ['drop', '521 5.5.1 Protocol error'],
  ['enforce', '550 5.5.1 Protocol error'],
  ['ignore', '250 2.1.5 Ok'],
] as const
for (const [action, expected] of rows) {
  test(`postscreen_greet_action = ${action}`, async (t) => {
    const server = await startForClients({
      postscreen: 'yes',
      postscreen_greet_wait: '1s',
      postscreen_greet_action: action,
      postscreen_cache_map: '',
      smtpd_peername_lookup: 'no',
      smtpd_forbid_unauth_pipelining: 'no',
    })
    t.after(() => server.stop())
    const early = await Wire.open(server.ports.smtp)
    early.send(`EHLO spam.test\r\n`)
    await early.hears(action === 'drop' ? /^521 [^\r]*\r\n/m : /^220 [\s\S]*250 [^\r]*\r\n$/m)
    if (action !== 'drop') {
      early.send(`MAIL FROM:<a@b.test>\r\nRCPT TO:<${alice.address}>\r\n`)
      await early.hears(/2\.1\.0 Ok\r\n[^\r]*\r\n$/)
    }
    assert.equal(early.heard.trimEnd().split('\r\n').at(-1), expected)
    early.close()
    const polite = await Wire.open(server.ports.smtp)
    const startMs = performance.now()
    await polite.hears(/^220 [^\r]*\r\n/m)
    assert.ok(performance.now() - startMs >= 900)
    polite.close()
    const known = await Wire.open(server.ports.smtp)
    const againMs = performance.now()
    await known.hears(/^220 [^\r]*\r\n/m)
    assert.ok(performance.now() - againMs < 900, 'known: greeted at once')
    known.close()
  })
}

for (const how of ['ends its side', 'is gone'] as const)
  test(`a client that ${how} before the greeting has not waited for it`, async (t) => {
    const server = await startForClients({
      postscreen: 'yes',
      postscreen_greet_wait: '1s',
      postscreen_cache_map: '',
      smtpd_peername_lookup: 'no',
    })
    t.after(() => server.stop())
    const hasty = connect(server.ports.smtp, '127.0.0.1')
    await once(hasty, 'connect')
    if (how === 'is gone') hasty.resetAndDestroy()
    else hasty.end()
    await new Promise((resolve) => setTimeout(resolve, 1_300))
    const again = await Wire.open(server.ports.smtp)
    const startMs = performance.now()
    await again.hears(/^220 [^\r]*\r\n/m)
    assert.ok(performance.now() - startMs >= 900, 'it is tested again')
    again.close()
  })

/** What RCPT, or what came before it, was answered by a client that has not been seen before. */
async function newcomer(port: number, ...says: readonly string[]): Promise<string> {
  const wire = await Wire.open(port)
  await wire.hears(/^220 [^\r]*\r\n/m)
  for (const say of says) {
    const from = wire.heard.length
    wire.send(say)
    for (let n = 0; n < 500 && !wire.closed && !/(?:^|\n)\d{3} [^\r]*\r\n$/.test(wire.heard.slice(from)); n++)
      await new Promise((resolve) => setTimeout(resolve, 10))
    if (wire.closed) break
  }
  const last = wire.heard.trimEnd().split('\r\n').at(-1) ?? ''
  wire.close()
  return last
}

const hello = 'EHLO c.test\r\n'
const mail = 'MAIL FROM:<a@b.test>\r\n'
const rcpt = `RCPT TO:<${alice.address}>\r\n`

for (const [test_, parameters, says, expected] of [
  ['pipelining', { pipelining_action: 'enforce' }, [hello, mail + rcpt], '550 5.5.1 Protocol error'],
  ['pipelining', { pipelining_action: 'drop' }, [hello, mail + rcpt], '521 5.5.1 Protocol error'],
  [
    'pipelining',
    { pipelining_action: 'ignore' },
    [hello, mail + rcpt],
    '450 4.3.2 Service currently unavailable',
  ],
  [
    'non_smtp_command',
    { non_smtp_command_action: 'drop' },
    ['GET / HTTP/1.0\r\n'],
    '521 5.5.1 Protocol error',
  ],
  [
    'non_smtp_command',
    { non_smtp_command_action: 'enforce' },
    [hello, 'Subject: x\r\n', mail, rcpt],
    '550 5.5.1 Protocol error',
  ],
  [
    'bare_newline',
    { bare_newline_action: 'enforce' },
    ['EHLO c.test\n', mail, rcpt],
    '550 5.5.1 Protocol error',
  ],
  ['bare_newline', { bare_newline_action: 'drop' }, ['EHLO c.test\n'], '521 5.5.1 Protocol error'],
] as const)
  test(`postscreen_${test_}_action: ${Object.values(parameters).join()}: who misbehaves, and who does not`, async (t) => {
    const server = await startForClients({
      postscreen: 'yes',
      postscreen_greet_wait: '1s',
      postscreen_cache_map: '',
      smtpd_peername_lookup: 'no',
      [`postscreen_${test_}_enable`]: 'yes',
      ...Object.fromEntries(Object.entries(parameters).map(([name, value]) => [`postscreen_${name}`, value])),
    })
    t.after(() => server.stop())
    assert.equal(await newcomer(server.ports.smtp, ...says), expected)
    // It has not passed, and is watched again; who behaves is put off once, and served then.
    assert.equal(
      await newcomer(server.ports.smtp, hello, mail, rcpt),
      '450 4.3.2 Service currently unavailable',
    )
    assert.equal(await newcomer(server.ports.smtp, hello, mail, rcpt), '250 2.1.5 Ok')
  })

test('PIPELINING is not offered to whom postscreen_pipelining_enable watches', async (t) => {
  const server = await startForClients({
    postscreen: 'yes',
    postscreen_greet_wait: '1s',
    postscreen_cache_map: '',
    smtpd_peername_lookup: 'no',
    postscreen_pipelining_enable: 'yes',
  })
  t.after(() => server.stop())
  const capabilities = async (): Promise<boolean> => {
    const wire = await Wire.open(server.ports.smtp)
    await wire.hears(/^220 [^\r]*\r\n/m)
    wire.send(hello)
    await wire.hears(/250 [^\r]*\r\n$/)
    const offered = wire.heard.includes('PIPELINING')
    wire.close()
    return offered
  }
  assert.equal(await capabilities(), false)
  await newcomer(server.ports.smtp, hello, mail, rcpt)
  assert.equal(await capabilities(), true)
})

const strangers = {
  postscreen: 'yes',
  postscreen_greet_wait: '1s',
  postscreen_cache_map: '',
  postscreen_access_list: '',
  smtpd_peername_lookup: 'no',
}

test('postscreen_greet_banner: the first line is said before the wait', async (t) => {
  const server = await startForClients({ ...strangers, postscreen_greet_banner: 'who is there' })
  t.after(() => server.stop())
  const wire = await Wire.open(server.ports.smtp)
  const startMs = performance.now()
  await wire.hears(/^220-who is there\r\n$/)
  assert.ok(performance.now() - startMs < 900)
  await wire.hears(/^220-who is there\r\n220 [^\r]*\r\n$/)
  assert.ok(performance.now() - startMs >= 900)
  wire.close()
})

test('postscreen_pre_queue_limit, postscreen_client_connection_count_limit: strangers at a time', async (t) => {
  const server = await startForClients({ ...strangers, postscreen_client_connection_count_limit: '12' })
  t.after(() => server.stop())
  const open = async (count: number): Promise<readonly Wire[]> => {
    const wires = []
    for (let n = 0; n < count; n++) wires.push(await Wire.open(server.ports.smtp))
    return wires
  }
  const crowd = await open(13)
  await crowd[12]?.hears(/^421 4\.7\.0 Error: too many connections\r\n$/)
  await crowd[11]?.hears(/^220-/)
  for (const wire of crowd) wire.close()
  await server.reload({ postscreen_pre_queue_limit: '10', postscreen_client_connection_count_limit: '0' })
  const others = await open(11)
  await others[10]?.hears(/^421 4\.3\.2 All screening ports are busy\r\n$/)
  // Those that were greeted are no strangers any more.
  await others[9]?.hears(/^220 /m)
  const [known] = await open(1)
  await known?.hears(/^220 /)
  for (const wire of [...others, known]) wire?.close()
})

test('postscreen_command_count_limit, postscreen_command_time_limit: of those that are watched', async (t) => {
  const server = await startForClients({
    ...strangers,
    postscreen_pipelining_enable: 'yes',
    postscreen_command_count_limit: '4',
    postscreen_command_time_limit: '1s',
  })
  t.after(() => server.stop())
  const noop = 'NOOP\r\n'
  assert.match(
    await newcomer(server.ports.smtp, hello, noop, noop, noop, noop),
    /^421 \S+ Service unavailable - try again later$/,
  )
  assert.match(await newcomer(server.ports.smtp, hello, noop, noop, noop, 'QUIT\r\n'), /^221 /)
  const silent = await Wire.open(server.ports.smtp)
  await silent.hears(/^220 /m)
  silent.send(hello)
  await silent.hears(/^421 4\.4\.2 \S+ Error: timeout exceeded\r\n$/m)
  silent.close()
})

test('POSTSCREEN_README: the lines of master.cf: maxproc 1 is no limit of connections', async (t) => {
  const server = await startForClients(
    { ...strangers, postscreen: 'no', smtpd_client_connection_count_limit: '20' },
    {
      masterCf: `2525 inet n - y - 1 postscreen\nsmtpd pass - - y - - smtpd\ndnsblog unix - - y - 0 dnsblog\ntlsproxy unix - - y - 0 tlsproxy\n`,
    },
  )
  t.after(() => server.stop())
  const port = server.places.find(({ key }) => key === '2525/inet')?.port ?? 0
  const wires = await Promise.all([1, 2, 3].map(async () => await Wire.open(port)))
  for (const wire of wires) await wire.hears(/^220-[^\r]*\r\n220 [^\r]*\r\n$/)
  for (const wire of wires) wire.close()
})
