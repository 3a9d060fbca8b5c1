/** Asks for the token that the server wants. */
import { useEffect, useRef, useState } from 'preact/hooks'
import { onTokenRefused, setToken } from './token.ts'

export function TokenDialog() {
  const dialog = useRef<HTMLDialogElement>(null)
  const [text, setText] = useState('')
  useEffect(
    () =>
      onTokenRefused(() => {
        if (dialog.current?.open === false) dialog.current.showModal()
      }),
    [],
  )
  return (
    <dialog ref={dialog} aria-labelledby="token-title">
      <form
        method="dialog"
        onSubmit={() => {
          setToken(text.trim())
          // All that was refused is asked again.
          location.reload()
        }}
      >
        <h2 id="token-title">This server needs a token</h2>
        <p>It is what the server was started with as --auth-token. This tab keeps it until it is closed.</p>
        <input
          type="password"
          aria-label="Token"
          autocomplete="current-password"
          required
          autofocus
          value={text}
          onInput={(event) => setText(event.currentTarget.value)}
        />
        <button type="submit" class="primary">
          Go on
        </button>
      </form>
    </dialog>
  )
}
