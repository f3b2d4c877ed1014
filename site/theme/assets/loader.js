/* Opens sealed reports (design: XSS1). The key comes in the link's fragment and never leaves this page, and nothing
   decrypted is ever parsed into it: a report is copied, element by element, from an inert document. The words are in
   loader.html. For other scripts: the event `xueshi:page` on document, once for each report (detail: its root), and
   `window.xueshi.chunk(token)`, a promise of the data that the report in view names so. */
(function () {
  'use strict';

  const find = (selector, root) => (root || document).querySelector(selector);
  const all = (selector, root) => Array.from((root || document).querySelectorAll(selector));
  const make = (tag, words) => Object.assign(document.createElement(tag), {textContent: words || ''});
  /** An error that is told by the section of that name. */
  const fail = state => Object.assign(new Error(state), {state});
  const inApp = /MicroMessenger|wxwork/i.test(navigator.userAgent);

  // ---- keys and files

  const utf8 = text => new TextEncoder().encode(text);
  const joined = parts => {
    const whole = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
    parts.reduce((at, part) => (whole.set(part, at), at + part.length), 0);
    return whole;
  };
  const frame = label => {
    const part = utf8(label);
    return joined([utf8('xueshi-sealed/1'), [part.length >> 8, part.length & 255], part]);
  };
  const hkdf = (label, salt) => ({name: 'HKDF', hash: 'SHA-256', salt: salt || new Uint8Array(0), info: frame(label)});
  const importKey = raw => crypto.subtle.importKey('raw', raw, 'HKDF', false, ['deriveBits', 'deriveKey']);
  const derive = async (key, label) => new Uint8Array(await crypto.subtle.deriveBits(hkdf(label), key, 256));
  const unbase64 = text => Uint8Array.from(atob(text.replace(/-/g, '+').replace(/_/g, '/')), c => c.charCodeAt(0));

  async function fileName(key) {
    const id = (await derive(key, 'name')).subarray(0, 16);
    return Array.from(id, byte => (byte + 256).toString(16).slice(1)).join('');
  }

  async function decrypt(key, data) {
    const aes = await crypto.subtle.deriveKey(
      hkdf('enc', data.subarray(8, 40)), key, {name: 'AES-GCM', length: 256}, false, ['decrypt']);
    const how = {name: 'AES-GCM', iv: new Uint8Array(12), additionalData: data.subarray(0, 40)};
    const inner = new Uint8Array(await crypto.subtle.decrypt(how, aes, data.subarray(40)));
    // GCM alone lets one file fit two keys; the salt, a MAC under this key, does not.
    const mac = await crypto.subtle.importKey(
      'raw', await derive(key, 'mac'), {name: 'HMAC', hash: 'SHA-256'}, false, ['verify']);
    const whole = await crypto.subtle.verify('HMAC', mac, data.subarray(8, 40), joined([data.subarray(0, 8), inner]));
    if (!whole) throw fail('tampered');
    return inner;
  }

  function parse(inner) {
    const view = new DataView(inner.buffer), meta = 12 + view.getUint32(4), body = meta + view.getUint32(8);
    if (inner[0] > 1 || body > inner.length) throw fail('tampered');
    const told = new TextDecoder('utf-8', {fatal: true}).decode(inner.subarray(12, meta));
    return {meta: JSON.parse(told), body: inner.subarray(meta, body), deflated: inner[0] === 1};
  }

  async function unseal(key, data) {
    try {
      if (String.fromCharCode(...data.subarray(0, 8)) !== 'XSS1\x01\0\0\0') throw fail('tampered');
      return parse(await decrypt(key, data));
    } catch (_) { // whatever fails here fails because of what the file holds
      throw fail('tampered');
    }
  }

  async function inflate(body) {
    if (!window.DecompressionStream) throw fail('old');
    const plain = new Blob([body]).stream().pipeThrough(new DecompressionStream('deflate'));
    return new Uint8Array(await new Response(plain).arrayBuffer());
  }

  async function download(key, cache) {
    const name = await fileName(key);
    const answer = await fetch('../s/' + name.slice(0, 2) + '/' + name.slice(2) + '.bin', {cache})
      .catch(() => { throw fail('offline'); });
    if ([403, 404, 410].includes(answer.status)) throw fail('gone'); // some stores say 403 for what is not there
    if (!answer.ok) throw fail('offline');
    return new Uint8Array(await answer.arrayBuffer().catch(() => { throw fail('offline'); }));
  }

  /** The contents of one file. Only a blob's name changes with its bytes. Others are fetched whole: a changed page has
      the size and the build's fixed time of the old one, so that many a server would answer "not modified". */
  async function load(key, kind) {
    const file = await unseal(key, await download(key, kind === 'blob' ? 'force-cache' : 'no-store'));
    if (file.meta.t !== kind) throw fail('tampered');
    if (file.deflated) file.body = await inflate(file.body);
    return file;
  }

  // ---- links

  /** The link in a text: {text, raw}, or null when there is none. Messengers add to a link; mails break its lines. */
  async function findLink(given) {
    const text = given.replace(/\s+/g, '');
    for (let at = text.indexOf('k1'); at >= 0; at = text.indexOf('k1', at + 1)) {
      const link = (/^k1[\w-]{48}/.exec(text.slice(at)) || [''])[0];
      const bytes = link && unbase64(link.slice(2)), raw = bytes && bytes.subarray(0, 32);
      const sum = bytes && new Uint8Array(await crypto.subtle.digest('SHA-256', joined([frame('check'), raw])));
      if (bytes && bytes.subarray(32).every((byte, i) => byte === sum[i])) return {text: link, raw};
    }
    return null;
  }

  // ---- what this device remembers: keys that work here and cannot be taken out again

  const slots = (mode, act) => new Promise((resolve, reject) => {
    const opening = indexedDB.open('xueshi', 1);
    opening.onupgradeneeded = () => opening.result.createObjectStore('links', {keyPath: 'door'});
    opening.onerror = () => reject(opening.error);
    opening.onsuccess = () => {
      const deal = opening.result.transaction('links', mode), asked = act(deal.objectStore('links'));
      deal.oncomplete = () => { opening.result.close(); resolve(asked.result); };
      deal.onabort = () => { opening.result.close(); reject(deal.error); };
    };
  });
  const remembered = () => slots('readonly', store => store.getAll()).catch(() => []);

  // ---- copying a report by allow-list

  const HTML = 'http://www.w3.org/1999/xhtml', SVG = 'http://www.w3.org/2000/svg';
  const set = words => new Set(words.split(' '));
  const ELEMENTS = {
    [HTML]: set('a abbr article aside b bdi bdo blockquote br button caption cite code col colgroup datalist dd del '
      + 'details dfn div dl dt em fieldset figcaption figure footer h1 h2 h3 h4 h5 h6 header hr i img input ins kbd '
      + 'label legend li mark meter nav ol optgroup option output p pre progress q s samp section select small span '
      + 'strong sub summary sup table tbody td tfoot th thead time tr u ul var wbr'),
    [SVG]: set('svg g defs pattern rect line circle ellipse path polyline polygon text tspan title desc'),
  };
  const ANY = /^(class|id|lang|dir|title|role|hidden|aria-[a-z]+|data-[a-z-]+)$/;
  const ATTRIBUTES = {
    [HTML]: set('href download alt width height colspan rowspan span scope headers start reversed datetime open for '
      + 'tabindex type name value min max step placeholder checked selected disabled multiple size inputmode autocomplete list'),
    [SVG]: set('viewBox preserveAspectRatio width height x y x1 x2 y1 y2 dx dy cx cy r rx ry d points transform fill '
      + 'stroke stroke-width stroke-dasharray stroke-linecap stroke-linejoin opacity text-anchor dominant-baseline '
      + 'patternUnits patternTransform font-size font-weight focusable'),
  };
  const INPUTS = set('text search date month number checkbox radio button');

  const leadsOn = href => {
    try { return /^https?:$/.test(new URL(href, location.href).protocol); } catch (_) { return false; }
  };
  function allowed(space, name, value) {
    if (!ANY.test(name) && !ATTRIBUTES[space].has(name)) return false;
    if (name === 'href') return leadsOn(value);
    if (name === 'id') return !value.startsWith('o-'); // those are the page's own
    if (name === 'type') return INPUTS.has(value);
    if (name === 'tabindex') return value === '0'; // what scrolls sideways; no report sets an order of its own
    return space === HTML || !/url\((?!#)/i.test(value);
  }

  function copy(from, into) {
    for (const node of Array.from(from.childNodes)) {
      if (node.nodeType === Node.TEXT_NODE) into.append(node.data);
      const space = node.namespaceURI;
      if (!ELEMENTS[space] || !ELEMENTS[space].has(node.localName)) continue; // with all that is in it
      const made = document.createElementNS(space, node.localName);
      for (const {name, value} of Array.from(node.attributes)) {
        if (allowed(space, name, value)) made.setAttribute(name, value);
      }
      copy(node, made);
      into.append(made);
    }
  }

  // Trusted Types are off for this one step only, whose result is never shown itself.
  const asIs = {createHTML: text => text}, policy = window.trustedTypes ? trustedTypes.createPolicy('xueshi', asIs) : asIs;

  function report(body) {
    const text = new TextDecoder().decode(body), root = make('div');
    copy(new DOMParser().parseFromString(policy.createHTML(text), 'text/html').body, root);
    for (const a of all('a', root)) {
      if (a.dataset.open || a.dataset.file) a.setAttribute('href', '#'); // so that it takes focus
      a.rel = 'noopener noreferrer';
    }
    return root;
  }

  // ---- the reader's session. A page is named by its path: the number of a page of the door, then tokens.

  let reader, link, doorName, door, kept, shown, path = [0], turn = 0;
  const pages = new Map(); // by path; each keeps its elements, so that going back finds what was open and filled in

  async function pageAt(where) {
    const known = pages.get(where.join());
    if (known) return known;
    if (!door) door = await load(reader, 'door').catch(e => { throw e.state === 'gone' ? fail('replaced') : e; });
    const up = where.length > 1 && await pageAt(where.slice(0, -1));
    const file = await (up ? child(up, where[where.length - 1], 'page') : opened(door.meta.pages[where[0]], 'page'));
    const page = {keys: file.meta.keys || {}, title: file.meta.title || '', asof: file.meta.asof, up};
    page.root = report(file.body);
    pages.set(where.join(), page);
    return page;
  }

  async function opened(entry, kind) {
    if (!entry) throw fail('gone');
    return load(await importKey(unbase64(entry.key)), kind);
  }
  const child = (page, token, kind) =>
    opened(Object.prototype.hasOwnProperty.call(page.keys, token) && page.keys[token], kind);

  /** As pageAt; where a page is gone, perhaps because the site was renewed meanwhile, once more from the door. */
  const freshPageAt = where => pageAt(where).catch(error => {
    if (error.state !== 'gone' || !door) throw error;
    door = null;
    pages.clear();
    return pageAt(where);
  });

  async function open(where, back) {
    const mine = ++turn;
    if (shown) shown.scrolled = scrollY;
    path = where;
    main.setAttribute('aria-busy', 'true');
    const slow = setTimeout(() => show('opening'), shown ? 300 : 0); // no flash of a skeleton between two pages
    try {
      const page = await freshPageAt(where);
      if (mine === turn) render(page, back);
    } catch (error) {
      if (mine === turn) show(error.state || 'tampered');
      if (!error.state) throw error;
    } finally {
      clearTimeout(slow);
    }
  }

  function go(where, back) {
    const n = ((history.state || {}).n || 0) + 1;
    history.pushState({door: doorName, path: where, n}, '', '#p' + n);
    open(where, back);
  }

  async function enter(key, text) {
    [reader, link, door, shown, doorName] = [key, text, null, null, await fileName(key)];
    pages.clear();
    kept = (await remembered()).some(slot => slot.door === doorName);
    const state = history.state || {}, known = state.door === doorName;
    if (!known) history.replaceState({door: doorName, path: [0]}, '');
    await open(known ? state.path : [0]);
  }

  async function begin(text) {
    const found = await findLink(text);
    if (found) await enter(await importKey(found.raw), found.text);
    else show('damaged');
  }

  /** Without a link: what this tab showed before, or the only link that is kept here; else the reader is asked. */
  async function withoutLink() {
    const slot = await remembered(), before = (history.state || {}).door;
    const own = before ? slot.find(one => one.door === before) : slot.length === 1 && slot[0];
    if (own) return enter(own.key, '');
    const list = find('[data-kept]');
    list.hidden = !slot.length;
    find('p', list).textContent = '';
    for (const one of slot) {
      const button = Object.assign(make('button', one.label), {type: 'button', className: 'x-button'});
      button.onclick = () => enter(one.key, '');
      find('p', list).append(button);
    }
    return show('nolink');
  }

  // ---- what is seen

  const main = find('main'), view = find('[data-view]'), status = find('[data-status]');
  const word = (name, text) => main.getAttribute('data-word-' + name).replace('{t}', () => text);

  function show(name) {
    for (const section of all('[data-state]')) section.hidden = section.dataset.state !== name;
    find('[data-inapp]').hidden = true;
    if (name !== 'page') {
      shown = null;
      for (const asof of all('[data-asof]')) asof.textContent = '';
    }
    main.setAttribute('aria-busy', String(name === 'opening'));
    tabs(name);
    device(name);
    const heading = find('[data-state=' + name + '] h1');
    if (!heading) return;
    status.textContent = heading.textContent;
    heading.tabIndex = -1;
    if (name !== 'opening') heading.focus({preventScroll: true});
  }

  function render(page, back) {
    view.textContent = '';
    view.append(page.root);
    shown = page;
    const up = find('[data-up]');
    up.parentNode.hidden = !page.up;
    up.textContent = page.up ? word('up', page.up.title) : '';
    contents(page.root);
    for (const site of all('[data-site]')) site.textContent = door.meta.site;
    for (const asof of all('[data-asof]')) asof.textContent = word('asof', page.asof || door.meta.asof);
    show('page');
    scrollTo(0, back && page.scrolled || 0);
    if (page.known) return;
    page.known = true;
    for (const img of all('img', page.root)) watch(page, img);
    document.dispatchEvent(new CustomEvent('xueshi:page', {detail: page.root}));
  }

  function tabs(name) {
    const pages = door && name === 'page' ? door.meta.pages : [], bar = find('[data-tabs]'), list = find('ul', bar);
    bar.hidden = pages.length < 2;
    list.textContent = '';
    pages.forEach((page, i) => {
      const item = make('li'), button = make('button', page.title), current = i === path[0];
      item.className = current ? 'md-tabs__item md-tabs__item--active' : 'md-tabs__item';
      Object.assign(button, {type: 'button', className: 'md-tabs__link', onclick: () => go([i])});
      if (current) button.setAttribute('aria-current', 'page');
      if (page.kind) button.dataset.kind = page.kind;
      item.append(button);
      list.append(item);
    });
  }

  function contents(root) {
    const toc = find('.o-toc'), heads = all('h2[id]', root);
    toc.hidden = heads.length < 2;
    find('ul', toc).textContent = '';
    for (const head of heads) {
      const item = make('li'), a = make('a', head.textContent);
      a.setAttribute('href', '#' + head.id);
      item.append(a);
      find('ul', toc).append(item);
    }
  }

  function device(name) {
    const page = name === 'page', has = {link: link && (page || name === 'old'), kept, ask: page && !kept};
    for (const part of all('[data-with]')) part.hidden = !has[part.dataset.with];
    find('[data-device]').hidden = !page && !kept || name === 'opening';
  }

  /** Says beside what was pressed, and aloud. */
  function say(near, name) {
    const old = near.nextElementSibling;
    if (old && old.className.includes('o-said')) old.remove();
    const said = Object.assign(make('span', word(name)), {className: 'x-hint o-said'});
    near.insertAdjacentElement('afterend', said);
    status.textContent = word(name);
  }

  // ---- pictures

  const pictures = new Map(); // img: a function that shows it, once
  const near = window.IntersectionObserver && new IntersectionObserver(
    seen => seen.forEach(one => one.isIntersecting && pictures.get(one.target)()), {rootMargin: '50%'});

  function watch(page, img) {
    let begun;
    pictures.set(img, () => begun || (begun = picture(page, img)));
    if (near) near.observe(img);
    else pictures.get(img)();
  }

  const dataUrl = blob => new Promise((resolve, reject) => {
    const reading = Object.assign(new FileReader(), {onload: () => resolve(reading.result), onerror: reject});
    reading.readAsDataURL(blob);
  });
  const display = (img, url) => new Promise((resolve, reject) => {
    Object.assign(img, {onload: resolve, onerror: reject, src: url});
  });

  async function picture(page, img) {
    try {
      const {meta, body} = await child(page, img.dataset.blob, 'blob');
      const blob = new Blob([body], {type: /^image\/[a-z]+$/.test(meta.type) ? meta.type : 'image/webp'});
      await display(img, URL.createObjectURL(blob)).catch(async () => display(img, await dataUrl(blob)));
      if (img.closest('.x-pictures')) enlargeable(img);
    } catch (_) {
      img.replaceWith(Object.assign(make('span', img.alt), {className: 'o-lost'}));
    }
  }

  function enlargeable(img) {
    const button = Object.assign(make('button'), {type: 'button', className: 'o-zoom'});
    button.setAttribute('aria-expanded', 'false');
    button.setAttribute('aria-label', word('enlarge', img.alt));
    button.onclick = () => button.setAttribute('aria-expanded', String(button.getAttribute('aria-expanded') === 'false'));
    img.replaceWith(button);
    button.append(img);
  }

  // ---- what can be pressed

  async function print(button) {
    if (inApp) return explain();
    const alone = button.dataset.print === 'sheet';
    const wanted = all(alone ? '.s-sheets img' : 'img', view).filter(img => alone || !img.closest('[hidden]'));
    say(button, 'printing');
    await Promise.all(wanted.map(img => pictures.get(img)()));
    button.nextElementSibling.remove();
    document.documentElement.classList.toggle('x-sheet-only', alone);
    return window.print();
  }

  async function save(a) {
    if (inApp) return explain();
    say(a, 'saving');
    try {
      const {meta, body} = await child(shown, a.dataset.file, 'file');
      // A document would run in this origin where a browser opens what it should save.
      const type = /html|[/+]xml/.test(meta.type) ? 'application/octet-stream' : meta.type;
      const url = URL.createObjectURL(new Blob([body], {type}));
      const tap = Object.assign(make('a'), {href: url, download: meta.name || a.download});
      document.body.append(tap);
      tap.click();
      tap.remove();
      setTimeout(() => URL.revokeObjectURL(url), 60000);
      say(a, 'saved');
    } catch (error) {
      say(a, error.state === 'old' ? 'old' : 'unsaved');
    }
  }

  function explain() {
    const box = find('[data-inapp]'), from = document.activeElement;
    box.hidden = false;
    find('h2', box).focus();
    find('[data-close]').onclick = () => { box.hidden = true; from.focus(); };
  }

  async function copyLink(button) {
    const box = find('.o-link', button.parentNode), whole = location.origin + location.pathname + '#' + link;
    try {
      await navigator.clipboard.writeText(whole);
      say(button, 'copied');
    } catch (_) { // none there, as in many in-app browsers, or not let
      Object.assign(box, {value: whole, hidden: false});
      box.select();
      say(button, document.execCommand('copy') ? 'copied' : 'copyself');
    }
  }

  async function keep(button) {
    try {
      const slot = {door: doorName, key: reader, label: door.meta.pages[0].title};
      await slots('readwrite', store => store.put(slot));
      kept = true;
      device('page');
      status.textContent = word('keeping');
      find('[data-forget]').focus();
    } catch (_) {
      say(button, 'unkept');
    }
  }

  async function forget() {
    await slots('readwrite', store => store.delete(doorName));
    [reader, link, door, kept] = [null, '', null, false];
    pages.clear();
    view.textContent = '';
    history.replaceState(null, '', location.pathname + location.search);
    show('forgotten');
  }

  function jump(id) {
    const target = document.getElementById(decodeURIComponent(id));
    if (!target || !view.contains(target)) return;
    for (let up = target; up !== view; up = up.parentNode) if (up.localName === 'details') up.open = true;
    target.tabIndex = -1;
    target.focus();
    target.scrollIntoView();
  }

  const PRESSED = {
    '[data-open]': a => go(path.concat(a.dataset.open)),
    '[data-file]': save,
    '[data-print]': print,
    '[data-up]': () => go(path.slice(0, -1), true),
    '[data-retry]': () => open(path),
    '[data-start]': () => go([0]),
    '[data-copy]': copyLink,
    '[data-keep]': keep,
    '[data-forget]': forget,
    'a[href^="#"]': a => jump(a.getAttribute('href').slice(1)), // no id of a report comes into the address
  };

  function pressed(event) {
    for (const selector of Object.keys(PRESSED)) {
      const hit = event.target.closest(selector);
      if (!hit) continue;
      event.preventDefault();
      PRESSED[selector](hit);
      return;
    }
  }

  // ---- the start

  const lacking = () =>
    window.isSecureContext === false ? 'insecure' : window.crypto && crypto.subtle && window.fetch ? '' : 'old';

  /** Takes the link out of the address bar, of what is copied from it and of what is shared. */
  function takeLink() {
    const text = location.hash;
    if (!text.includes('k1')) return '';
    history.replaceState(history.state, '', location.pathname + location.search);
    return text;
  }

  function start() {
    const lack = lacking();
    link = (/k1[\w-]{48}/.exec(location.hash) || [''])[0];
    find('[data-https]').href = 'https://' + location.hostname + location.pathname + location.hash;
    document.addEventListener('click', pressed);
    addEventListener('afterprint', () => document.documentElement.classList.remove('x-sheet-only'));
    if (lack) return show(lack); // the address keeps the link: there is nowhere else to take it from
    document.addEventListener('submit', event => {
      event.preventDefault();
      begin(find('input', event.target).value);
    });
    history.scrollRestoration = 'manual';
    addEventListener('hashchange', () => { const text = takeLink(); if (text) begin(text); });
    addEventListener('popstate', ({state}) => {
      if (location.hash.includes('k1')) return; // a new link: hashchange follows
      if (!reader || state && state.door !== doorName) withoutLink();
      else if (state) open(state.path, true);
    });
    const text = takeLink();
    return text ? begin(text) : withoutLink();
  }

  window.xueshi = {chunk: async token => JSON.parse(new TextDecoder().decode((await child(shown, token, 'chunk')).body))};
  document.addEventListener('DOMContentLoaded', start);
}());
