"""A digit and its style from 100 labels: the model of the paper's Figure 3, in plain Python."""

import os

import unbraid as ub

QUICK = bool(os.environ.get("UNBRAID_QUICK"))  # a few steps on drawn digits, for tests


class Digits(ub.Model):  # the paper's Figure 3
    """A digit and its handwriting style."""

    hidden: int = 512
    style_size: int = 50

    def encode(self, x):  # q(digit, style | x)
        h = ub.mlp(self.hidden)(x)
        digit = ub.Categorical(10)(h)
        style = ub.Normal(self.style_size)(digit, h)
        return {"digit": digit, "style": style}

    def decode(self, digit, style):  # p(x | digit, style)
        return ub.Bernoulli(1, 28, 28)(ub.mlp(self.hidden)(digit, style))


def main() -> None:
    train, test = (ub.data.tiny_digits(300), ub.data.tiny_digits(100, seed=1)) if QUICK else ub.data.mnist()
    labels = ub.data.few_labels(train.labels, per_class=10, seed=0)
    run = ub.fit(Digits(), train.images, labels, test=test, epochs=2 if QUICK else 10)
    print(f"test error of the digit: {100 * run.test['digit']['error']:.2f} %")

    print(run.model.explain(labels))
    print("predicted:", run.model.predict(test.images[:8])["digit"].tolist())
    print("q(digit | x) of the first row:", run.model.infer(test.images[:1])["digit"].probs.numpy().round(3).tolist())
    print("eight threes:", tuple(run.model.sample(8, digit=3).shape))
    print("every digit in eight hands:", tuple(run.model.analogy(test.images[:8], digit=range(10)).shape))


if __name__ == "__main__":
    main()
