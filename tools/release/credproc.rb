class Credproc < Formula
  desc "AWS credentials from IAM Identity Center for every process"
  homepage "https://github.com/credproc/credproc"
  version "@VERSION@"
  license "MIT"

  on_macos do
    on_arm do
      url "https://github.com/credproc/credproc/releases/download/v@VERSION@/credproc_@VERSION@_darwin_arm64.tar.gz"
      sha256 "@SUM:darwin_arm64.tar.gz@"
    end
    on_intel do
      url "https://github.com/credproc/credproc/releases/download/v@VERSION@/credproc_@VERSION@_darwin_amd64.tar.gz"
      sha256 "@SUM:darwin_amd64.tar.gz@"
    end
  end
  on_linux do
    on_arm do
      url "https://github.com/credproc/credproc/releases/download/v@VERSION@/credproc_@VERSION@_linux_arm64.tar.gz"
      sha256 "@SUM:linux_arm64.tar.gz@"
    end
    on_intel do
      url "https://github.com/credproc/credproc/releases/download/v@VERSION@/credproc_@VERSION@_linux_amd64.tar.gz"
      sha256 "@SUM:linux_amd64.tar.gz@"
    end
  end

  def install
    bin.install "credproc"
    man1.install Dir["man/*.1"]
    bash_completion.install "completions/credproc.bash" => "credproc"
    zsh_completion.install "completions/_credproc"
    fish_completion.install "completions/credproc.fish"
  end

  test do
    assert_match "credproc v#{version}", shell_output("#{bin}/credproc version")
  end
end
