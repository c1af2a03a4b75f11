/** What a person does in Thunderbird, as scripts of its own interfaces. Each is the body of an async function. */

/** args: { kind: 'imap' | 'pop3', port, security: 0 plain | 2 STARTTLS | 3 TLS, user, password, smtpPort, address } */
export const addAccount = `
  const [{ kind, port, security, user, password, smtpPort, address }] = args
  const server = MailServices.accounts.createIncomingServer(user, '127.0.0.1', kind)
  server.port = port
  server.socketType = security
  server.authMethod = Ci.nsMsgAuthMethod.passwordCleartext
  server.password = password
  server.loginAtStartUp = false
  server.doBiff = false
  if (kind === 'pop3') server.QueryInterface(Ci.nsIPop3IncomingServer).leaveMessagesOnServer = true
  const sender = MailServices.outgoingServer.createServer('smtp')
  sender.username = user
  sender.socketType = security
  sender.authMethod = Ci.nsMsgAuthMethod.passwordCleartext
  const smtp = sender.QueryInterface(Ci.nsISmtpServer)
  smtp.hostname = '127.0.0.1'
  smtp.port = smtpPort
  // Where a person's stored password lies.
  const login = Cc['@mozilla.org/login-manager/loginInfo;1'].createInstance(Ci.nsILoginInfo)
  login.init('smtp://127.0.0.1', null, 'smtp://127.0.0.1', user, password, '', '')
  await Services.logins.addLoginAsync(login)
  const identity = MailServices.accounts.createIdentity()
  identity.email = address
  identity.smtpServerKey = sender.key
  const account = MailServices.accounts.createAccount()
  account.addIdentity(identity)
  account.incomingServer = server
  server.valid = true
  return { server: server.key, sender: sender.key, identity: identity.key }
`

/** Listeners as promises, and folders by path; run once. */
export const helpers = `
  globalThis.urlDone = (start) => new Promise((resolve, reject) => {
    start({
      OnStartRunningUrl() {},
      OnStopRunningUrl(url, status) {
        if (Components.isSuccessCode(status)) resolve()
        else reject(new Error('URL failed: ' + status.toString(16)))
      },
      QueryInterface: ChromeUtils.generateQI(['nsIUrlListener']),
    })
  })
  globalThis.copyDone = (start) => new Promise((resolve, reject) => {
    start({
      onStartCopy() {}, onProgress() {}, setMessageKey() {}, getMessageId() { return '' },
      onStopCopy(status) {
        if (Components.isSuccessCode(status)) resolve()
        else reject(new Error('copy failed: ' + status.toString(16)))
      },
      QueryInterface: ChromeUtils.generateQI(['nsIMsgCopyServiceListener']),
    })
  })
  globalThis.until = async (what, look, turns = 1200) => {
    for (let turn = 0; turn < turns; turn++) {
      const found = await look()
      if (found) return found
      await new Promise((resolve) => setTimeout(resolve, 50))
    }
    throw new Error('waited in vain for ' + what)
  }
  globalThis.setTimeout ??= ChromeUtils.importESModule('resource://gre/modules/Timer.sys.mjs').setTimeout
  globalThis.folderOf = (serverKey, name) => {
    const root = MailServices.accounts.getIncomingServer(serverKey).rootFolder
    if (name === 'INBOX') return root.getFolderWithFlags(Ci.nsMsgFolderFlags.Inbox)
    return root.descendants.find((folder) => folder.prettyPath === name || folder.localizedName === name)
  }
  globalThis.window3 = () => Services.wm.getMostRecentWindow('mail:3pane').msgWindow
  globalThis.headers = (folder) => [...folder.messages]
  globalThis.headerOf = (folder, subject) =>
    headers(folder).find((header) => header.mime2DecodedSubject === subject)
  globalThis.refresh = (folder) =>
    urlDone((listener) => folder.QueryInterface(Ci.nsIMsgImapMailFolder).updateFolderWithListener(null, listener))
`
