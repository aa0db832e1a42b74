// The HTTP API, with the token of the URL's fragment, which is then taken out of the address bar.

/**
 * @typedef {{id:number,connection:number,started:number,waited:number|null,took:number|null,method:string,
 *   scheme:string,authority:string,path:string,version:string,status:number|null,type:string|null,
 *   request_size:number,response_size:number,outcome:string,error:string|null,websocket:boolean,
 *   changed:boolean,partial:boolean,repeats:number|null}} Flow
 * @typedef {{headers:[string,string][],trailers:[string,string][],recorded:number,dropped:number,cut:boolean,
 *   text?:string,base64?:string,protobuf?:{message:string,values:any[],partial:boolean}|null,raw?:string,parts:{at:number,position:number,length:number}[]}} Message
 * @typedef {Flow & {request:Message,response:Message,reason:string,protocol:string|null,stream:number|null,
 *   informational:string[],notes:string[]}} Detail
 */

const given = /token=([0-9a-f]+)/.exec(location.hash);
if (given) {
  sessionStorage.setItem('token', given[1]);
  history.replaceState(null, '', location.pathname);
}
const headers = { Authorization: `Bearer ${sessionStorage.getItem('token') ?? ''}` };

/** @param {string} path @param {AbortSignal} [signal] */
async function ask(path, signal) {
  const answer = await fetch(`api/${path}`, { headers, signal });
  if (!answer.ok) throw new Error((await answer.json().catch(() => ({}))).error ?? answer.statusText);
  return answer;
}

/** @param {string} path @param {AbortSignal} [signal] @returns {Promise<any>} */
export const get = async (path, signal) => (await ask(path, signal)).json();
/** @param {string} path */
export const text = async path => (await ask(path)).text();
/** @param {string} path */
export const data = async path => new Uint8Array(await (await ask(path)).arrayBuffer());

/** @param {string} method @param {string} path @param {any} body @returns {Promise<any>} */
export async function send(method, path, body) {
  const answer = await fetch(`api/${path}`, {
    method, headers: { ...headers, 'Content-Type': 'application/json' }, body: JSON.stringify(body),
  });
  const value = await answer.json().catch(() => ({}));
  if (!answer.ok) throw new Error(value.error ?? answer.statusText);
  return value;
}

/** Saves what the API gives as a file. @param {string} path @param {string} name */
export async function save(path, name) {
  const url = URL.createObjectURL(await (await ask(path)).blob());
  const link = document.createElement('a');
  link.href = url;
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(url), 60000);
}

/**
 * The live stream; reconnects when it breaks.
 * @param {string} filter @param {(event: string, data: any) => void} tell @param {AbortSignal} signal
 */
export async function live(filter, tell, signal) {
  for (let wait = 250; !signal.aborted; wait = Math.min(wait * 2, 5000)) {
    try {
      const answer = await ask(`events?filter=${encodeURIComponent(filter)}`, signal);
      const reader = /** @type {ReadableStream<Uint8Array>} */ (answer.body).getReader();
      const decoder = new TextDecoder();
      let open = '';
      wait = 250;
      for (;;) {
        const { value, done } = await reader.read();
        if (done) break;
        open += decoder.decode(value, { stream: true });
        const events = open.split('\n\n');
        open = events.pop() ?? '';
        for (const event of events) {
          const name = /^event: (.*)$/m.exec(event), line = /^data: (.*)$/m.exec(event);
          if (name && line) tell(name[1], JSON.parse(line[1]));
        }
      }
    } catch (error) {
      if (signal.aborted) return;
      if (/** @type {Error} */ (error).message.startsWith('filter')) return;
    }
    tell('broken', null);
    await new Promise(done => setTimeout(done, wait));
    if (!signal.aborted) tell('reload', null);
  }
}
