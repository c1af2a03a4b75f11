/** Of which sessions postmaster gets a transcript, at Postfix and here. */
import { elsewhere, from, hello, ours, sent } from './matrix-dialogue.ts'
import { matrixMissing, type Scenario } from './matrix-peers.ts'
import { testMatrix } from './matrix-test.ts'

const notice = 'mailbox daemon: Postfix SMTP server: errors from unknown[127.0.0.1]'
const named = 'mail_name = Postfix'

const unknownUser = [hello, from, 'RCPT TO:<no-such-user@example.org>']
const relaying = [hello, from, elsewhere]
const syntax = [hello, 'FOO']
const order = [hello, 'DATA']
const address = [hello, 'MAIL FROM:<a b>']
const tooLarge = [hello, 'MAIL FROM:<a@example.net> SIZE=99999999']
const content = [...sent(ours), { message: 'Subject: forbidden\n\nx' }]
const configuration = [hello, 'MAIL FROM:<broken@example.net>', ours]

const scenario = (classes: string, told: number): Scenario => ({
  name: `notify_classes = ${classes}`,
  mainCf: [
    named,
    `notify_classes = ${classes}`,
    'header_checks = regexp:FOLDER/header',
    'smtpd_sender_restrictions = check_sender_access inline:{broken@example.net=no_such_restriction}',
  ],
  files: { header: '/^Subject: forbidden/ REJECT no\n' },
  sessions: [
    unknownUser,
    relaying,
    syntax,
    order,
    address,
    tooLarge,
    content,
    configuration,
    [hello],
    sent(ours),
  ],
  outcome: Array.from({ length: told }, () => notice),
})

testMatrix('the same main.cf at Postfix and here: notices', matrixMissing, [
  scenario('resource, software', 1),
  scenario('policy', 3),
  scenario('protocol', 3),
  scenario('bounce', 1),
])
