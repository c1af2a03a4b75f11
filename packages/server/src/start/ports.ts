/** The services by the names of main.cf's port parameters. */
export const serviceNames = [
  'smtp',
  'submission',
  'submissions',
  'lmtp',
  'pop3',
  'pop3s',
  'imap',
  'imaps',
] as const
export type ServiceName = (typeof serviceNames)[number]

/** Where each service listens; 0 = not at all. */
export type MailServerPorts = Readonly<Record<ServiceName, number>>
