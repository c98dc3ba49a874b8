"use strict";
(() => {
  const read = (id) => JSON.parse(document.getElementById(id).textContent);
  const study = read("study"), texts = read("texts"), pictures = read("pictures");
  const app = document.getElementById("app"), asked = new URLSearchParams(location.search);
  const pairwise = study.kind === "pairwise", storeName = `animegan3-study-${study.id}`;

  // ---- state: kept by the browser after every answer, so that a reload goes on

  const blocks = study.trials.length / gcd(study.trials.length, study.items);
  let storage = true, state = stored() || fresh(), shown = schedule(study, state.seed, state.block);
  let picked = [], message = "";
  const steps = shown.length * study.questions.length;
  const images = new Map();

  function gcd(a, b) { return b ? gcd(b, a % b) : a; }

  function number(name, below) {
    const value = Number(asked.get(name) ?? NaN);
    return Number.isInteger(value) && value >= 0 && value < below ? value : null;
  }

  function fresh() {
    const seed = number("seed", 2 ** 32) ?? crypto.getRandomValues(new Uint32Array(1))[0];
    const wanted = asked.get("lang") || (navigator.language.startsWith("vi") ? "vi" : "en");
    const language = wanted in texts ? wanted : "en";
    return { seed, block: number("block", blocks) ?? seed % blocks, language, started: false, step: 0, answers: [], finished: "" };
  }

  function stored() {
    try {
      return JSON.parse(localStorage.getItem(storeName));
    } catch {
      storage = false;
      return null;
    }
  }

  function keep() {
    try {
      localStorage.setItem(storeName, JSON.stringify(state));
    } catch {
      storage = false;
    }
  }

  // ---- drawing

  function say(name, values = {}) {
    const text = name.split(".").reduce((found, part) => found[part], texts[state.language]);
    return text.replace(/\{(\w+)\}/g, (_, key) => values[key]);
  }

  function make(tag, properties = {}, ...children) {
    const { data = {}, ...plain } = properties;
    const element = Object.assign(document.createElement(tag), plain);
    Object.assign(element.dataset, data);
    element.append(...children);
    return element;
  }

  function button(id, text, onclick, properties = {}) {
    return make("button", { id, type: "button", onclick, ...properties }, text);
  }

  function image(code, alt) {  // the same element again: a new one would flicker between questions on one photo
    if (!images.has(code)) images.set(code, make("img", { src: pictures[code], draggable: false }));
    return Object.assign(images.get(code), { alt });
  }

  function draw() {
    document.documentElement.lang = state.language;
    document.title = say("title");
    const screen = !state.started ? intro() : state.step < steps ? trial() : done();
    app.replaceChildren(bar(), make("main", {}, ...screen));
    app.querySelector("h1").focus({ preventScroll: true });
  }

  function bar() {
    const languages = Object.keys(texts).map((language) =>
      button(`language-${language}`, texts[language].name, () => { state.language = language; keep(); draw(); },
        { lang: language, ariaPressed: String(language === state.language) }));
    const gauge = make("progress", { max: steps, value: state.step });
    const count = make("span", { id: "count" }, say("progress", { done: Math.min(state.step, steps), total: steps }));
    return make("header", {}, ...(state.started ? [gauge, count] : []), make("nav", {}, ...languages));
  }

  function heading(text) {
    return make("h1", { tabIndex: -1 }, text);
  }

  function intro() {
    const n = study.questions.length;
    const questions = n === 1 ? say("one_question") : say("many_questions", { n });
    const where = study.post && /^https?:/.test(study.post) ? new URL(study.post).host : say("this_server");
    const start = button("start", say("start"), () => { state.started = true; keep(); draw(); scrollTo(0, 0); },
      { disabled: true, className: "main" });
    const agree = make("input", { type: "checkbox", id: "agree", onchange: () => { start.disabled = !agree.checked; } });
    const notes = [say("effort", { trials: shown.length, questions })];
    if (!storage) notes.push(say("no_storage"));
    return [
      heading(say("title")), make("p", {}, say(`intro.${study.kind}`)), ...notes.map((note) => make("p", {}, note)), ...help(),
      make("h2", {}, say("consent_title")), make("p", {}, say("consent")),
      make("p", {}, study.post ? say("consent_post", { where }) : say("consent_file")),
      make("label", {}, agree, say("agree")), make("p", {}, start),
    ];
  }

  function help() {
    return ["touch", "keys"].map((name) =>
      make("p", { className: `help ${name}` }, say(`${name}.${study.kind}`, { n: shown[0].pictures.length })));
  }

  function now() {
    const count = study.questions.length;
    return { ...shown[Math.floor(state.step / count)], question: study.questions[state.step % count] };
  }

  function trial() {
    const { photo, pictures: codes, question } = now();
    for (const code of images.keys()) if (code !== photo && !codes.includes(code)) images.delete(code);
    const figures = codes.map((code, place) => {
      const name = pairwise ? say(place ? "right" : "left") : say("picture", { n: place + 1 });
      const rank = picked.indexOf(code);
      const chosen = pairwise ? state.answers[state.step] === code : rank >= 0;
      const label = make("span", {}, name, make("kbd", {}, String(place + 1)));
      const choice = button(`choice-${place + 1}`, "", (event) => choose(place, event),
        { className: "choice", ariaLabel: name, ariaPressed: String(chosen), data: { code } });
      choice.append(image(code, name), label);
      if (rank >= 0) choice.append(make("b", { className: "rank" }, String(rank + 1)));
      return make("figure", {}, choice, larger(code, name));
    });
    const original = make("figure", { className: "photo" }, image(photo, say("photo")),
      make("figcaption", {}, say("photo")), larger(photo, say("photo")));
    const back = button("back", say(picked.length ? "undo" : "back"), undo, { disabled: !state.step && !picked.length });
    const tie = button("tie", "", (event) => choose(null, event), { ariaPressed: String(state.answers[state.step] === null) });
    tie.append(say("tie"), make("kbd", {}, "0"));
    const next = button("next", say("next"), advance, { className: "main", disabled: picked.length < codes.length });
    return [
      heading(say(`question.${study.kind}.${question}`)),
      make("div", { className: `pictures ${study.kind}`, data: { count: codes.length } }, original, make("div", { className: "choices" }, ...figures)),
      make("div", { className: "below" }, back, pairwise ? tie : next),
      ...help(),
    ];
  }

  function larger(code, name) {
    const open = () => {
      const close = button("close", say("close"), () => dialog.close(), { className: "main" });
      const dialog = make("dialog", { onclick: () => dialog.close(), onclose: () => dialog.remove() },
        make("img", { src: pictures[code], alt: name }), close);
      document.body.append(dialog);
      dialog.showModal();
    };
    return button("", "+", open, { className: "larger", ariaLabel: `${say("larger")}: ${name}` });
  }

  function done() {
    const parts = [heading(say("done"))];
    if (!state.finished) parts.push(make("p", {}, say(study.post ? "done_post" : "done_file")));
    parts.push(make("p", { id: "message", role: "status" }, message));
    const row = make("div", { className: "below" });
    if (!state.finished) row.append(button("back", say("back"), undo));
    if (study.post && state.finished !== "sent") row.append(button("send", say("send"), send, { className: "main" }));
    row.append(button("save", say("save"), save, { className: study.post ? "" : "main" }));
    if (state.finished) row.append(button("again", say("again"), again));
    return [...parts, row];
  }

  // ---- answering

  function choose(place, event) {
    if (event && event.detail > 1) return;  // the second half of a double tap is no answer to the next question
    const { pictures: codes } = now();
    if (pairwise) {
      state.answers[state.step] = place === null ? null : codes[place];
      advance();
      return;
    }
    if (!picked.includes(codes[place])) picked.push(codes[place]);
    if (picked.length === codes.length - 1) picked.push(codes.find((code) => !picked.includes(code)));
    draw();
  }

  function advance() {
    if (!pairwise) state.answers[state.step] = picked;
    go(state.step + 1);
  }

  function undo() {
    if (!pairwise && picked.length && state.step < steps) {
      // the last place was filled by itself, so it goes with the one before
      picked = picked.slice(0, picked.length === now().pictures.length ? -2 : -1);
      draw();
    } else if (state.step && !state.finished) {
      go(state.step - 1);
    }
  }

  function go(step) {
    state.step = step;
    picked = !pairwise && state.answers[step] ? [...state.answers[step]] : [];
    message = "";
    keep();
    draw();
    scrollTo(0, 0);
  }

  document.addEventListener("keydown", (event) => {
    const asking = state.started && state.step < steps && !document.querySelector("dialog");
    if (!asking || event.repeat || event.ctrlKey || event.metaKey || event.altKey) return;
    const arrows = pairwise ? { ArrowLeft: 0, ArrowRight: 1, ArrowDown: null, 0: null } : {};
    const place = event.key in arrows ? arrows[event.key] : Number(event.key) - 1;
    if (place === null || (Number.isInteger(place) && place >= 0 && place < now().pictures.length)) choose(place);
    else if (event.key === "Backspace") undo();
    else if (event.key === "Enter" && event.target.tagName !== "BUTTON" && picked.length === now().pictures.length) advance();
    else return;
    event.preventDefault();
  });

  // ---- handing the answers over

  function answersText() {
    const count = study.questions.length;
    const given = shown.map(({ trial, pictures: codes }, i) => ({
      trial, pictures: codes,
      answers: Object.fromEntries(study.questions.map((question, j) => [question, state.answers[i * count + j]])),
    }));
    return JSON.stringify({ study: study.id, seed: state.seed, block: state.block, language: state.language, given });
  }

  function save() {
    const file = `answers-${study.id}-${state.block}-${state.seed.toString(16).padStart(8, "0")}.json`;
    const address = URL.createObjectURL(new Blob([answersText()], { type: "application/json" }));
    make("a", { href: address, download: file }).click();
    setTimeout(() => URL.revokeObjectURL(address), 60000);  // some browsers read it only after the click
    finish("saved", say("saved", { file }));
  }

  async function send() {
    message = say("sending");
    draw();
    document.getElementById("send").disabled = true;  // twice would be refused
    try {
      const reply = await fetch(study.post, { method: "POST", headers: { "Content-Type": "application/json" }, body: answersText() });
      if (!reply.ok) throw new Error((await reply.text()).slice(0, 200) || reply.status);
      finish("sent", say("sent"));
    } catch (error) {
      message = say("failed", { reason: error instanceof TypeError ? say("unreachable") : error.message });
      draw();
    }
  }

  function finish(how, text) {
    if (state.finished !== "sent") state.finished = how;
    message = text;
    keep();
    draw();
  }

  function again() {
    if (!confirm(say("again_sure"))) return;
    try {
      localStorage.removeItem(storeName);
    } catch {
      // nothing was kept
    }
    location.replace(location.pathname);  // without this rater's block and seed
  }

  if (!pairwise && state.answers[state.step]) picked = [...state.answers[state.step]];
  draw();
})();
