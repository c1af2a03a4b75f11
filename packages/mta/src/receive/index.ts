export { createMailboxRoom, type MailboxRoom } from './mailbox-room.ts'
export type { ReceiveConfiguration, ReceiveOptions } from './receive-options.ts'
export { createReceiver, type ReceiverSources } from './receiver.ts'
export { type Submission, type SubmitSources, submit } from './submit.ts'
